from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tide.sandbox.graphql.connections import paged, paged_by_key
from tide.sandbox.graphql.errors import GithubError


@given(st.integers(0, 30), st.integers(1, 10))
def test_forward_and_backward_pages_cover_everything_once(count: int, size: int) -> None:
    items = list(range(count))
    forward: list[int] = []
    after: str | None = None
    while True:
        page = paged(items, {"first": size, "after": after}, str)
        forward += page.page
        after = page.page_info.end_cursor
        if not page.page_info.has_next_page:
            break
    backward: list[int] = []
    before: str | None = None
    while True:
        page = paged(items, {"last": size, "before": before}, str)
        backward = [*page.page, *backward]
        before = page.page_info.start_cursor
        if not page.page_info.has_previous_page:
            break
    assert forward == backward == items


def test_edges_carry_the_cursor_of_their_node() -> None:
    page = paged(["a", "b", "c"], {"first": 3}, str.upper)
    assert [edge.node for edge in page.edges] == ["A", "B", "C"]
    following = [paged(["a", "b", "c"], {"first": 1, "after": edge.cursor}, str.upper).nodes for edge in page.edges]
    assert following == [["B"], ["C"], []]


def test_an_empty_page_has_no_cursors() -> None:
    info = paged([], {"first": 5}, str).page_info
    assert (info.start_cursor, info.end_cursor, info.has_next_page, info.has_previous_page) == (
        None,
        None,
        False,
        False,
    )


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
