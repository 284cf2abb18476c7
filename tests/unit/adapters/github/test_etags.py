from tide.adapters.github.answers import Answer
from tide.adapters.github.etags import EtagKey, Etags


def answer(etag: str | None) -> Answer:
    return Answer("GET x", 200, {"ETag": etag} if etag else {}, b"{}")


def key(path: str, who: str = "one") -> EtagKey:
    return EtagKey(path, "json", who)


def test_an_answer_is_found_by_address_form_and_account() -> None:
    etags = Etags()
    etags.keep(key("/a"), answer('"1"'))
    kept = etags.find(key("/a"))
    assert kept is not None
    assert kept.etag == '"1"'
    assert etags.find(key("/a", "two")) is None
    assert etags.find(EtagKey("/a", "raw", "one")) is None


def test_an_answer_without_an_etag_takes_the_old_one_away() -> None:
    etags = Etags()
    etags.keep(key("/a"), answer('"1"'))
    etags.keep(key("/a"), answer(None))
    assert etags.find(key("/a")) is None


def test_the_least_recently_used_is_forgotten() -> None:
    etags = Etags(limit=2)
    etags.keep(key("/a"), answer('"1"'))
    etags.keep(key("/b"), answer('"2"'))
    assert etags.find(key("/a"))
    etags.keep(key("/c"), answer('"3"'))
    assert etags.find(key("/a"))
    assert etags.find(key("/b")) is None
