from hypothesis import given
from hypothesis import strategies as st

from tests.builders import BASE
from tide.adapters.prowjobs.descriptions import description_with_base


def base_read_back(description: str) -> str:
    """Read the base as Prow does (config.go BaseSHAFromContextDescription)."""
    parts = description.split(" BaseSHA:")
    return parts[1] if len(parts) == 2 and len(parts[1]) == 40 else ""


def test_padding_fills_what_github_allows() -> None:
    description = description_with_base("Job succeeded.", BASE)
    assert description.startswith("Job succeeded.\u2001")
    assert len(description) == 140


def test_a_long_text_keeps_its_head_and_its_tail() -> None:
    description = description_with_base("begin " + "x" * 300 + " end", BASE)
    assert description.startswith("begin xxx")
    assert "xxx ... xxx" in description
    assert description.replace("\u2001", "").partition(" BaseSHA:")[0].endswith("xxx end")


@given(st.text(max_size=400) | st.just("a BaseSHA:b BaseSHA:c"))
def test_the_base_is_always_read_back(text: str) -> None:
    description = description_with_base(text, BASE)
    assert base_read_back(description) == BASE
    assert len(description) <= 140
