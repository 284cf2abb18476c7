import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import BASE
from tide.policy.descriptions import (
    base_sha_of,
    description_of_batch,
    description_with_base,
    needs_no_retest,
    vouches_for,
)

SHA = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("description", "found"),
    [
        (f"Job succeeded. BaseSHA:{SHA}", SHA),
        (f"Job succeeded.\u2001\u2001 BaseSHA:{SHA}", SHA),
        (f"Job succeeded. Basesha:{SHA}", SHA),
        (f" BaseSHA:{SHA}", SHA),
        (f"BaseSHA:{SHA}", ""),
        (f"x BaseSHA:{SHA} BaseSHA:{SHA}", ""),
        (f"x BaseSHA:{SHA} ", ""),
        (f"x BaseSHA:{SHA[:-1]}", ""),
        (f"x BaseSHA:{SHA[:-1]}g", ""),
        (f"x BaseSHA:{SHA}\n", ""),
        ("", ""),
    ],
)
def test_the_base_is_read_after_exactly_one_delimiter(description: str, found: str) -> None:
    assert base_sha_of(description) == found


def test_a_description_vouches_for_its_base_only() -> None:
    assert vouches_for(f"ok BaseSHA:{SHA}", SHA)
    assert not vouches_for(f"ok BaseSHA:{SHA}", SHA[::-1])
    assert not vouches_for("ok", SHA)
    assert not vouches_for("ok", "")


def test_the_sentinel_vouches_for_every_base() -> None:
    assert needs_no_retest("overridden [prow:skip-retest]")
    assert vouches_for("overridden [prow:skip-retest]", SHA)


@pytest.mark.parametrize("text", ["Job succeeded.", "", "x" * 300, "overridden [prow:skip-retest]"])
def test_the_result_of_a_batch_does_not_vouch_for_one_of_its_members(text: str) -> None:
    description = description_of_batch(text, SHA)
    assert base_sha_of(description) == SHA
    assert not vouches_for(description, SHA)


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
