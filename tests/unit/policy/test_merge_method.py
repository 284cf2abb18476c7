import pytest

from tests.builders import make_pull, make_rules
from tide.domain.keys import PoolKey
from tide.domain.pulls import MergeMethod
from tide.policy.merge_method import MethodTable, configured_method, method_for

MERGE, SQUASH, REBASE = MergeMethod.MERGE, MergeMethod.SQUASH, MergeMethod.REBASE


@pytest.mark.parametrize(
    ("table", "branch", "method"),
    [
        ({}, "main", MERGE),
        ({"acme": SQUASH}, "main", SQUASH),
        ({"acme": {"rocket": SQUASH}}, "main", SQUASH),
        ({"acme": {"*": SQUASH}}, "main", SQUASH),
        ({"acme": {"*": SQUASH, "rocket": REBASE}}, "main", REBASE),
        ({"acme": {"*": SQUASH, "rocket": {"^dev$": REBASE}}}, "main", MERGE),
        ({"acme": {"rocket": SQUASH}, "acme/rocket": REBASE}, "main", REBASE),
        ({"acme": {"rocket": {"ma": SQUASH}}, "acme/rocket": REBASE}, "main", SQUASH),
        ({"acme": {"rocket": {"^dev$": SQUASH}}, "acme/rocket": REBASE}, "main", REBASE),
        ({"acme": {"rocket": {"m": SQUASH, "a": REBASE}}}, "main", REBASE),
        ({"acme": {"rocket": {"ma": SQUASH}}, "acme/rocket@main": REBASE}, "main", REBASE),
        ({"acme/rocket@main": REBASE}, "main-2", MERGE),
        ({"other": SQUASH, "acme/plane": SQUASH}, "main", MERGE),
    ],
)
def test_the_most_specific_method_wins(table: MethodTable, branch: str, method: MergeMethod) -> None:
    assert configured_method(table, PoolKey("acme", "rocket", branch)) is method


@pytest.mark.parametrize(
    ("labels", "method"),
    [
        ((), MERGE),
        (("s",), SQUASH),
        (("R",), REBASE),
        (("m",), MERGE),
        (("s", "r"), None),
        (("s", "m"), None),
    ],
)
def test_exactly_one_label_overrides_and_several_contradict_each_other(
    labels: tuple[str, ...], method: MergeMethod | None
) -> None:
    rules = make_rules(squash_label="s", rebase_label="r", merge_label="m")
    assert method_for(rules, make_pull(labels=labels)) is method


def test_labels_that_are_not_configured_override_nothing() -> None:
    assert method_for(make_rules(merge_method=REBASE), make_pull(labels=("",))) is REBASE
