"""Turns the filters of a search into one predicate over indexed documents."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from tide.sandbox.graphql.search_index import Document
from tide.sandbox.graphql.search_syntax import DATES, SearchSyntaxError, time_range

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tide.sandbox.graphql.search_syntax import Filter, SearchQuery
    from tide.sandbox.model import Account

Predicate = Callable[[Document], bool]
Build = Callable[["Filter", Mapping[str, "Account"]], Predicate]

SCOPE = frozenset({"org", "repo"})

ALTERNATIVES = frozenset({"author", "base", "milestone", "review"})
"""Qualifiers that mean any of their values when they stand several times; the others demand all of them."""

KINDS: Mapping[str, Predicate] = {
    "pr": lambda document: document.is_pull,
    "issue": lambda document: not document.is_pull,
    "open": lambda document: document.is_open,
    "closed": lambda document: not document.is_open,
}
"""What ``is:`` and ``state:`` can say."""

REVIEWS: Mapping[str, Predicate] = {"approved": lambda document: document.is_approved}
"""What ``review:`` can say."""


def compile_filters(query: SearchQuery, accounts: Mapping[str, Account]) -> Predicate:
    """Return the predicate that holds for documents which every filter lets through.

    Filters of the same name are alternatives, but for those that add demands (``label:``, ``is:``, dates); a negated
    filter always stands alone.

    Raises:
        SearchSyntaxError: a filter has a value that means nothing.
    """
    predicates: list[Predicate] = []
    alternatives: dict[str, list[Predicate]] = {}
    for each in query.filters:
        if each.name in SCOPE:
            continue
        predicate = BUILDERS[each.name](each, accounts)
        if each.negated:
            predicates.append(_negated(predicate))
        elif each.name in ALTERNATIVES:
            alternatives.setdefault(each.name, []).append(predicate)
        else:
            predicates.append(predicate)
    predicates += [_any_of(group) for group in alternatives.values()]
    return lambda document: all(predicate(document) for predicate in predicates)


def _label(each: Filter, _: Mapping[str, Account]) -> Predicate:
    wanted = frozenset(label.lower() for label in each.values)
    return lambda document: not wanted.isdisjoint(document.labels)


def _author(each: Filter, accounts: Mapping[str, Account]) -> Predicate:
    login = _login(each.values[0], accounts)
    return lambda document: document.author == login


def _base(each: Filter, _: Mapping[str, Account]) -> Predicate:
    return lambda document: document.base == each.values[0]


def _milestone(each: Filter, _: Mapping[str, Account]) -> Predicate:
    title = each.values[0].lower()
    return lambda document: document.milestone == title


def _moment(each: Filter, _: Mapping[str, Account]) -> Predicate:
    span, attribute = time_range(each.values[0]), f"{each.name}_at"
    return lambda document: getattr(document, attribute) in span


def _archived(each: Filter, _: Mapping[str, Account]) -> Predicate:
    is_wanted = each.values[0].lower() == "true"
    return lambda document: document.repository.settings.archived is is_wanted


def _named(predicates: Mapping[str, Predicate]) -> Build:
    """Return the builder for a qualifier whose values are a fixed set."""

    def build(each: Filter, _: Mapping[str, Account]) -> Predicate:
        predicate = predicates.get(each.values[0].lower())
        if predicate is None:
            raise _unknown(each)
        return predicate

    return build


BUILDERS: Mapping[str, Build] = {
    "archived": _archived,
    "author": _author,
    "base": _base,
    "is": _named(KINDS),
    "label": _label,
    "milestone": _milestone,
    "review": _named(REVIEWS),
    "state": _named(KINDS),
    **dict.fromkeys(DATES, _moment),
}


def _unknown(each: Filter) -> SearchSyntaxError:
    return SearchSyntaxError(f"The sandbox does not simulate {each.name}:{each.values[0]}.")


def _login(value: str, accounts: Mapping[str, Account]) -> str:
    """Return the login as indexed: ``app/x`` and ``x[bot]`` are the bot ``x[bot]``, a leading ``@`` is dropped."""
    login = value.lower().removeprefix("@")
    if login.startswith("app/"):
        bot = f"{login.removeprefix('app/')}[bot]"
        return bot if bot in {known.lower() for known in accounts} else login.removeprefix("app/")
    return login


def _negated(predicate: Predicate) -> Predicate:
    return lambda document: not predicate(document)


def _any_of(predicates: Iterable[Predicate]) -> Predicate:
    choices = tuple(predicates)
    return lambda document: any(choice(document) for choice in choices)
