from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tide.sandbox.graphql.connections import paged, paged_by_key
from tide.sandbox.graphql.errors import GithubError


@given(st.integers(0, 30), st.integers(1, 10))
def test_pages_cover_everything_once(count: int, size: int) -> None:
    items = list(range(count))
    seen: list[int] = []
    after: str | None = None
    while True:
        page = paged(items, {"first": size, "after": after}, str)
        seen += page.page
        after = page.page_info.end_cursor
        if not page.page_info.has_next_page:
            break
    assert seen == items


def test_the_last_ones_are_those_at_the_end() -> None:
    assert paged(["a", "b", "c"], {"last": 2}, str.upper).nodes == ["B", "C"]


def test_an_empty_page_has_no_cursor() -> None:
    info = paged([], {"first": 5}, str).page_info
    assert (info.end_cursor, info.has_next_page) == (None, False)


@pytest.mark.parametrize("rising", [True, False])
@given(kept=st.lists(st.integers(0, 99), unique=True, min_size=2), gone=st.data())
def test_a_keyed_page_goes_on_behind_its_item_when_items_vanish(
    *, rising: bool, kept: list[int], gone: st.DataObject
) -> None:
    items = sorted(kept, reverse=not rising)
    page = paged_by_key(items, {"first": 1}, str, lambda item: f"{item:02}")
    vanished = gone.draw(st.sets(st.sampled_from(items[1:])))
    left = [item for item in items if item not in vanished]
    if len(left) < 2:
        return
    following = paged_by_key(left, {"first": 100, "after": page.page_info.end_cursor}, str, lambda item: f"{item:02}")
    assert list(following.page) == left[1:]
    assert all((one < other) is rising for one, other in pairwise(following.page))


@pytest.mark.parametrize("cursor", ["MQ", "☂", "not base64!", "Y3Vyc29yOng=", "Zm9vOjE="])
def test_a_cursor_that_is_none_is_refused(cursor: str) -> None:
    with pytest.raises(GithubError, match="does not appear to be a valid cursor"):
        paged(["a"], {"first": 1, "after": cursor}, str)
