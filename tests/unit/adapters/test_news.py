from tide.adapters.news import _MOST, News


def test_what_is_seen_again_is_no_news() -> None:
    news = News[str]()
    assert [news.is_new("pump", text) for text in ("red", "red", "green", "red")] == [True, False, True, True]
    assert news.is_new("valve", "red")


def test_what_is_over_begins_anew() -> None:
    news = News[str]()
    assert not news.is_over("pump")
    news.is_new("pump", "red")
    assert [news.is_over("pump"), news.is_over("pump"), news.is_new("pump", "red")] == [True, False, True]


def test_what_is_not_kept_is_forgotten() -> None:
    news = News[str]()
    for thing in ("pump", "valve"):
        news.is_new(thing, "red")
    news.keep(lambda thing: thing == "pump")
    assert [news.is_new("pump", "red"), news.is_new("valve", "red")] == [False, True]


def test_it_does_not_grow_for_ever() -> None:
    news = News[int]()
    for thing in range(_MOST + 1):
        news.is_new(thing, "red")
    assert [news.is_new(1, "red"), news.is_new(0, "red")] == [False, True]
