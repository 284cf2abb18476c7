import pytest

from tide.domain.pulls import Blocker
from tide.policy.blockers import applicable, parse_title


@pytest.mark.parametrize(
    ("title", "shown", "branches"),
    [
        ("Everything is broken", "Everything is broken", ()),
        ("Broken branch:main", "Broken", ("main",)),
        ("BRANCH: release-1.0 is broken", "is broken", ("release-1.0",)),
        ("branch:a/b branch:c stop", "stop", ("a/b", "c")),
        ("branch:main branch:main stop", "stop", ("main",)),
        ('branch: "feature.x" stop', '" stop', ("feature.x",)),
        ("subbranch:main", "subbranch:main", ()),
        ("branch:", "branch:", ()),
    ],
)
def test_titles_name_branches(title: str, shown: str, branches: tuple[str, ...]) -> None:
    assert parse_title(title) == (shown, branches)


def test_a_hostile_title_is_parsed_in_no_time() -> None:
    assert parse_title("branch:" + "." * 3000)[1] == ()


def test_blockers_apply_to_their_branches_or_to_all_in_ascending_order() -> None:
    everywhere = Blocker(9, "all", "u")
    here = Blocker(2, "here", "u", ("main", "dev"))
    elsewhere = Blocker(1, "there", "u", ("old",))
    assert applicable([everywhere, elsewhere, here], "main") == (here, everywhere)
