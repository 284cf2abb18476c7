from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tide.sandbox.graphql.search_filters import compile_filters
from tide.sandbox.graphql.search_syntax import (
    SIMULATED,
    Filter,
    SearchSyntaxError,
    Sort,
    Words,
    parse_search,
    time_range,
)


def test_a_query_as_tide_writes_it_is_read_token_by_token() -> None:
    query = parse_search(
        'is:pr state:open archived:false -base:"release-1" label:"lgtm","ok to merge" -label:"do-not-merge/hold" '
        'milestone:"v1.0" review:approved org:"acme" repo:"umbrella/rain" -repo:"acme/attic"'
    )
    assert query.words == ()
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


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("crash on start", (Words("crash"), Words("on"), Words("start"))),
        ('"crash on start"', (Words("crash on start"),)),
        ("-flaky", (Words("flaky", negated=True),)),
        ("NOT flaky crash", (Words("flaky", negated=True), Words("crash"))),
        ('"is:open"', (Words("is:open"),)),
        ("nonsense:value", (Words("nonsense:value"),)),
        ("author:", (Words("author:"),)),
        ("-", ()),
        ('""', ()),
    ],
)
def test_what_is_no_qualifier_is_text(text: str, words: tuple[Words, ...]) -> None:
    query = parse_search(text)
    assert (query.filters, query.words) == ((), words)


def test_a_quote_inside_a_label_lets_its_rest_act_as_a_qualifier() -> None:
    query = parse_search('label:"foo" is:closed"')
    assert query.filters == (Filter("label", ("foo",)), Filter("is", ("closed",)))


def test_a_quote_that_is_never_closed_is_dropped() -> None:
    assert parse_search('is:pr label:"a b').filters == (Filter("is", ("pr",)), Filter("label", ("a",)))
    assert parse_search('is:pr label:"a b').words == (Words("b"),)


def test_text_above_the_limit_is_refused_but_qualifiers_are_not_counted() -> None:
    labels = " ".join(f'-label:"{number:0>50}"' for number in range(300))
    assert len(parse_search(labels).filters) == 300
    with pytest.raises(SearchSyntaxError, match="longer than 256 characters"):
        parse_search("w" * 257)


def test_more_than_five_operators_are_refused() -> None:
    assert len(parse_search(" ".join(["NOT a"] * 5)).words) == 5
    with pytest.raises(SearchSyntaxError, match="More than five AND / OR / NOT"):
        parse_search(" ".join(["NOT a"] * 200))


@pytest.mark.parametrize("text", ["involves:alice", "a OR b", "linked:pr"])
def test_what_is_not_simulated_is_refused_and_never_ignored(text: str) -> None:
    with pytest.raises(SearchSyntaxError, match="does not simulate"):
        parse_search(text)


@pytest.mark.parametrize(
    ("text", "sort"),
    [
        ("sort:updated-asc", Sort("updated", descending=False)),
        ("sort:updated", Sort("updated", descending=True)),
        ("sort:created-asc sort:comments-desc", Sort("comments", descending=True)),
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
        ("*..2024-01-02", "2024-01-02T23:59:59Z", "2024-01-03T00:00:00Z"),
        ("2024-01-02..*", "2030-01-01T00:00:00Z", "2024-01-01T23:59:59Z"),
        (">=2024-01-02", "2024-01-02T00:00:00Z", "2024-01-01T23:59:59Z"),
        (">2024-01-02", "2024-01-03T00:00:00Z", "2024-01-02T23:59:59Z"),
        ("<=2024-01-02", "2024-01-02T23:59:59Z", "2024-01-03T00:00:00Z"),
        ("<2024-01-02", "2024-01-01T23:59:59Z", "2024-01-02T00:00:00Z"),
        ("2024-01-02", "2024-01-02T12:00:00Z", "2024-01-03T00:00:00Z"),
        ("2024-01-02T03:04:05+01:00..*", "2024-01-02T02:04:05Z", "2024-01-02T02:04:04Z"),
    ],
)
def test_time_ranges_include_both_ends(text: str, inside: str, outside: str) -> None:
    span = time_range(text)
    assert datetime.fromisoformat(inside) in span
    assert datetime.fromisoformat(outside) not in span


@pytest.mark.parametrize("text", ["yesterday", "2024-13-40", "2024-01-02..soon", "..", ">=", "2024-1-2"])
def test_a_bad_date_is_refused_with_githubs_text(text: str) -> None:
    with pytest.raises(SearchSyntaxError, match="is not a recognized date/time format"):
        parse_search(f"updated:{text}")


def test_moments_outside_any_datetime_are_not_in_a_range() -> None:
    assert None not in time_range("2024-01-02")
    assert datetime(2024, 1, 2, tzinfo=UTC) in time_range("2024-01-02")


@given(st.text(alphabet=st.sampled_from('ab:,-" \\\t\n\0*.>AND☂'), max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        query = parse_search(text)
    except SearchSyntaxError:
        return
    assert all(each.values and any(each.values) for each in query.filters)
    assert all(each.text for each in query.words)


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
