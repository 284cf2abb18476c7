from tide.daemon.troubles import Trouble


def test_the_same_trouble_is_news_once() -> None:
    trouble = Trouble()
    assert [trouble.is_news(ValueError(text)) for text in ("a", "a", "b", "b", "a")] == [True, False, True, False, True]
    assert [trouble.is_over(), trouble.is_over()] == [True, False]
    assert trouble.is_news(ValueError("a"))


def test_a_trouble_without_words_is_one_as_well() -> None:
    trouble = Trouble()
    assert [trouble.is_news(ValueError()), trouble.is_news(ValueError()), trouble.is_over()] == [True, False, True]
