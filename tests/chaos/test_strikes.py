import json
from collections import Counter

import pytest
from graphql import parse, print_ast

from tests.chaos.striker import action_of
from tests.chaos.strikes import DEEDS, LIMITS, Action, Trouble, cells, strikes
from tide.adapters.github.documents import document

PATIENT = {Trouble.FORBIDDEN, Trouble.TOO_MANY}
OF_KUBERNETES = {Action.START_RUN, Action.FOLLOW}


def test_a_seed_fixes_what_goes_wrong() -> None:
    assert strikes(7) == strikes(7)
    assert strikes(7) != strikes(8)


def test_two_hundred_seeds_plan_each_kind_of_strike_more_often_than_is_asked_for() -> None:
    planned = Counter(strike.cell for seed in range(1, 201) for strike in strikes(seed))
    assert set(planned) == set(cells())
    assert min(planned.values()) >= 24


def test_a_few_seeds_plan_every_kind_of_strike() -> None:
    assert {strike.cell for seed in range(1, 21) for strike in strikes(seed)} == set(cells())


def test_no_request_is_struck_twice() -> None:
    for seed in range(1, 501):
        requests = [(strike.cell.action, strike.nth) for strike in strikes(seed) if strike.nth]
        assert len(set(requests)) == len(requests)


def test_a_seed_waits_for_a_limit_without_an_end_once_or_twice() -> None:
    for seed in range(1, 501):
        asked = [one for one in strikes(seed) if one.cell.trouble in PATIENT and one.cell.action not in OF_KUBERNETES]
        assert len(asked) == 1 + seed % 2


def test_every_deed_is_struck_before_and_after_it_is_done() -> None:
    for deed in DEEDS:
        troubles = {when: {one.trouble for one in cells() if one.action is deed and one.when == when}
                    for when in ("before", "after")}  # fmt: skip
        both = {Trouble.KILL, Trouble.TIMEOUT, Trouble.ERROR, Trouble.CUT}
        assert troubles == {"before": both | set(LIMITS), "after": both | {Trouble.TRUNCATED}}


@pytest.mark.parametrize(
    ("name", "action"),
    [
        ("glance", Action.SEARCH),
        ("search_pulls", Action.SEARCH),
        ("pulls_by_id", Action.READ_PULLS),
        ("branch_rules", None),
    ],
)
def test_a_question_in_graphql_is_known_by_its_name(name: str, action: Action | None) -> None:
    asked = print_ast(parse(document(name)))
    assert action_of("POST", "/graphql", json.dumps({"query": asked}).encode()) is action


@pytest.mark.parametrize(
    ("method", "path", "action"),
    [
        ("PUT", "/repos/acme/rocket/pulls/7/merge", Action.MERGE),
        ("GET", "/repos/acme/rocket/pulls/7/merge", None),
        ("POST", "/apis/prow.k8s.io/v1/namespaces/tide/prowjobs", Action.START_RUN),
        ("GET", "/apis/prow.k8s.io/v1/namespaces/tide/prowjobs", Action.FOLLOW),
        ("POST", f"/repos/acme/rocket/statuses/{'a' * 40}", Action.STATUS),
        ("GET", "/repos/acme/rocket/git/ref/heads/main", Action.READ_BRANCH),
        ("POST", "/acme/rocket.git/git-upload-pack", Action.FETCH),
    ],
)
def test_a_request_is_known_by_its_place(method: str, path: str, action: Action | None) -> None:
    assert action_of(method, path, b"") is action
