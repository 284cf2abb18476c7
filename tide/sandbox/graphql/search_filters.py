"""Turns the filters of a search into one predicate over indexed documents."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from tide.sandbox.graphql.rollup import coarse_state, rollup_state
from tide.sandbox.graphql.search_index import Document, spaced_words
from tide.sandbox.graphql.search_syntax import DATES, SearchSyntaxError, time_range

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tide.sandbox.graphql.search_syntax import Filter, SearchQuery, Words
    from tide.sandbox.model import Account

Predicate = Callable[[Document], bool]
Build = Callable[["Filter", Mapping[str, "Account"]], Predicate]

SCOPE = frozenset({"org", "repo", "user"})

ALTERNATIVES = frozenset({"author", "base", "head", "milestone", "review"})
"""Qualifiers that mean any of their values when they stand several times; the others demand all of them."""

COMPARISONS: Mapping[str, Callable[[int, int], bool]] = {
    "": operator.eq, ">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le,
}  # fmt: skip
_COMPARISON = re.compile(r"([<>]=?|)([0-9]{1,9})")

KINDS: Mapping[str, Predicate] = {
    "pr": lambda document: document.is_pull,
    "pull-request": lambda document: document.is_pull,
    "issue": lambda document: not document.is_pull,
    "open": lambda document: document.is_open,
    "closed": lambda document: not document.is_open,
    "merged": lambda document: document.is_merged,
    "unmerged": lambda document: document.is_pull and not document.is_open and not document.is_merged,
    "draft": lambda document: document.is_draft,
    "archived": lambda document: document.repository.settings.archived,
    "public": lambda document: not document.repository.settings.private,
    "private": lambda document: document.repository.settings.private,
}
"""What ``is:``, ``state:`` and ``type:`` can say."""

REVIEWS: Mapping[str, Predicate] = {
    "none": lambda document: document.is_pull and not _reviews(document),
    "required": lambda document: document.review_decision == "REVIEW_REQUIRED",
    "approved": lambda document: document.review_decision == "APPROVED",
    "changes_requested": lambda document: document.review_decision == "CHANGES_REQUESTED",
    "changes-requested": lambda document: document.review_decision == "CHANGES_REQUESTED",
}

ABSENT: Mapping[str, Predicate] = {
    "label": lambda document: not document.labels,
    "milestone": lambda document: document.milestone is None,
}
"""What ``no:`` can say."""


def compile_filters(query: SearchQuery, accounts: Mapping[str, Account]) -> Predicate:
    """Return the predicate that holds for documents which every filter and every word lets through.

    Filters of the same name are alternatives, but for those that add demands (``label:``, ``is:``, dates); a negated
    filter always stands alone.

    Raises:
        SearchSyntaxError: a filter has a value that means nothing.
    """
    predicates: list[Predicate] = []
    alternatives: dict[str, list[Predicate]] = {}
    for each in query.filters:
        if each.name in SCOPE or each.name == "in":
            continue
        predicate = BUILDERS[each.name](each, accounts)
        if each.negated:
            predicates.append(_negated(predicate))
        elif each.name in ALTERNATIVES:
            alternatives.setdefault(each.name, []).append(predicate)
        else:
            predicates.append(predicate)
    predicates += [_any_of(group) for group in alternatives.values()]
    fields = frozenset(value.lower() for value in query.values("in")) or frozenset({"title", "body"})
    predicates += [_words(each, fields) for each in query.words]
    return lambda document: all(predicate(document) for predicate in predicates)


def _label(each: Filter, _: Mapping[str, Account]) -> Predicate:
    wanted = frozenset(label.lower() for label in each.values)
    return lambda document: not wanted.isdisjoint(document.labels)


def _author(each: Filter, accounts: Mapping[str, Account]) -> Predicate:
    login = _login(each.values[0], accounts)
    return lambda document: document.author == login


def _base(each: Filter, _: Mapping[str, Account]) -> Predicate:
    return lambda document: document.base == each.values[0]


def _head(each: Filter, _: Mapping[str, Account]) -> Predicate:
    return lambda document: document.head == each.values[0]


def _milestone(each: Filter, _: Mapping[str, Account]) -> Predicate:
    title = each.values[0].lower()
    return lambda document: document.milestone == title


def _moment(each: Filter, _: Mapping[str, Account]) -> Predicate:
    span, attribute = time_range(each.values[0]), f"{each.name}_at"
    return lambda document: getattr(document, attribute) in span


def _draft(each: Filter, _: Mapping[str, Account]) -> Predicate:
    is_wanted = each.values[0].lower() == "true"
    return lambda document: document.is_pull and document.is_draft is is_wanted


def _archived(each: Filter, _: Mapping[str, Account]) -> Predicate:
    is_wanted = each.values[0].lower() == "true"
    return lambda document: document.repository.settings.archived is is_wanted


def _status(each: Filter, _: Mapping[str, Account]) -> Predicate:
    state = each.values[0].upper()
    if state not in {"SUCCESS", "FAILURE", "PENDING"}:
        raise _unknown(each)
    return lambda document: (
        document.head_sha is not None and (coarse_state(rollup_state(document.repository, document.head_sha)) == state)
    )


def _comments(each: Filter, _: Mapping[str, Account]) -> Predicate:
    match = _COMPARISON.fullmatch(each.values[0])
    if match is None:
        raise _unknown(each)
    compare, bound = COMPARISONS[match.group(1)], int(match.group(2))
    return lambda document: compare(document.comments, bound)


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
    "comments": _comments,
    "draft": _draft,
    "head": _head,
    "is": _named(KINDS),
    "label": _label,
    "milestone": _milestone,
    "no": _named(ABSENT),
    "review": _named(REVIEWS),
    "state": _named(KINDS),
    "status": _status,
    "type": _named(KINDS),
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


def _words(each: Words, fields: frozenset[str]) -> Predicate:
    phrase = spaced_words(each.text)

    def stands(document: Document) -> bool:
        texts = [document.title_words if "title" in fields else "", document.body_words if "body" in fields else ""]
        return any(phrase in text for text in texts)

    return _negated(stands) if each.negated else stands


def _reviews(document: Document) -> bool:
    return bool(getattr(document.record, "reviews", ()))


def _negated(predicate: Predicate) -> Predicate:
    return lambda document: not predicate(document)


def _any_of(predicates: Iterable[Predicate]) -> Predicate:
    choices = tuple(predicates)
    return lambda document: any(choice(document) for choice in choices)
