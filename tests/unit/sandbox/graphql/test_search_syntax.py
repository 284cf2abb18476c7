from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tide.sandbox.graphql.search_filters import compile_filters
from tide.sandbox.graphql.search_syntax import (
    SIMULATED,
    Filter,
    SearchSyntaxError,
    Sort,
    parse_search,
    time_range,
)


def test_a_query_as_tide_writes_it_is_read_token_by_token() -> None:
    query = parse_search(
        'is:pr state:open archived:false -base:"release-1" label:"lgtm","ok to merge" -label:"do-not-merge/hold" '
        'milestone:"v1.0" review:approved org:"acme" repo:"umbrella/rain" -repo:"acme/attic"'
    )
    assert query.filters == (
        Filter("is", ("pr",)),
        Filter("state", ("open",)),
        Filter("archived", ("false",)),
        Filter("base", ("release-1",), negated=True),
        Filter("label", ("lgtm", "ok to merge")),
        Filter("label", ("do-not-merge/hold",), negated=True),
        Filter("milestone", ("v1.0",)),
        Filter("review", ("approved",)),
        Filter("org", ("acme",)),
        Filter("repo", ("umbrella/rain",)),
        Filter("repo", ("acme/attic",), negated=True),
    )


@pytest.mark.parametrize(
    ("text", "filters"),
    [
        ("label:a,b", (Filter("label", ("a", "b")),)),
        ('label:"a,b"', (Filter("label", ("a,b",)),)),
        ("milestone:a,b", (Filter("milestone", ("a,b",)),)),
        ('label:"say \\"hi\\""', (Filter("label", ('say "hi"',)),)),
        ('label:"back\\\\slash"', (Filter("label", ("back\\slash",)),)),
        ("LABEL:Bug", (Filter("label", ("Bug",)),)),
        ("label:kind:bug", (Filter("label", ("kind:bug",)),)),
        ('label:"größe/XL ☂"', (Filter("label", ("größe/XL ☂",)),)),
        ('label:""', ()),
    ],
)
def test_values_keep_what_quotes_protect(text: str, filters: tuple[Filter, ...]) -> None:
    assert parse_search(text).filters == filters


def test_a_quote_inside_a_label_lets_its_rest_act_as_a_qualifier() -> None:
    query = parse_search('label:"foo" is:closed"')
    assert query.filters == (Filter("label", ("foo",)), Filter("is", ("closed",)))


def test_a_quote_that_is_never_closed_is_dropped() -> None:
    assert parse_search('is:pr label:"a').filters == (Filter("is", ("pr",)), Filter("label", ("a",)))


@pytest.mark.parametrize(
    "text",
    ["involves:alice", "is:pr OR is:issue", "NOT is:pr", "crash on start", '"is:open"', "-flaky", "x:y", "author:"],
)
def test_what_is_not_simulated_is_refused_and_never_ignored(text: str) -> None:
    with pytest.raises(SearchSyntaxError, match="does not simulate"):
        parse_search(text)


@pytest.mark.parametrize(
    ("text", "sort"),
    [
        ("sort:updated-asc", Sort("updated", descending=False)),
        ("sort:updated", Sort("updated", descending=True)),
        ("sort:created-asc sort:updated-desc", Sort("updated", descending=True)),
        ("sort:unheard-of", Sort()),
        ("is:pr", Sort()),
    ],
)
def test_sort_is_read(text: str, sort: Sort) -> None:
    assert parse_search(text).sort == sort


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("2024-01-02T03:04:05Z..2024-01-02T03:04:06Z", "2024-01-02T03:04:06.900Z", "2024-01-02T03:04:07Z"),
        (">=2024-01-02T03:04:05Z", "2024-01-02T03:04:05Z", "2024-01-02T03:04:04.900Z"),
    ],
)
def test_time_ranges_include_both_ends(text: str, inside: str, outside: str) -> None:
    span = time_range(text)
    assert datetime.fromisoformat(inside) in span
    assert datetime.fromisoformat(outside) not in span


@pytest.mark.parametrize("text", ["yesterday", "2024-13-40T00:00:00Z", "2024-01-02T03:04:05Z..soon", "..", ">="])
def test_a_bad_date_is_refused_with_githubs_text(text: str) -> None:
    with pytest.raises(SearchSyntaxError, match="is not a recognized date/time format"):
        parse_search(f"updated:{text}")


@given(st.text(alphabet=st.sampled_from('ab:,-" \\\t\n\0*.>AND☂'), max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        query = parse_search(text)
    except SearchSyntaxError:
        return
    assert all(each.values and any(each.values) for each in query.filters)


@given(st.lists(st.tuples(st.sampled_from(sorted(SIMULATED)), st.text(max_size=8), st.booleans()), max_size=8))
def test_any_values_of_qualifiers_make_a_predicate_or_are_refused(parts: list[tuple[str, str, bool]]) -> None:
    text = " ".join(f"{'-' * negated}{name}:{value}" for name, value, negated in parts)
    try:
        holds = compile_filters(parse_search(text), {})
    except SearchSyntaxError:
        return
    assert callable(holds)


def test_hostile_quoting_is_read_in_linear_time() -> None:
    # Quadratic work on 400,000 characters would run into the suite's time limit.
    with pytest.raises(SearchSyntaxError):
        parse_search('"\\' * 200_000)
