import pytest

from tide.policy.descriptions import base_sha_of, needs_no_retest, vouches_for

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
