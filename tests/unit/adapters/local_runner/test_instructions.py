from datetime import timedelta
from typing import Any

import pytest

from tests.builders import BASE, NOW, POOL, make_job, sha
from tide.adapters.local_runner.instructions import CannotRunError, expanded, instructions, prow_environment
from tide.adapters.prowjobs.writing import ProwSettings, build
from tide.domain.runs import Candidate, Head, Purpose

HOUR = timedelta(hours=1)


def make_object(*numbers: int, **definition: Any) -> dict[str, Any]:
    heads = tuple(Head(number, sha(number), author="alice", title="a\0b", branch="x") for number in numbers)
    definition.setdefault("spec", {"containers": [{"command": ["make"], "args": ["$(JOB_NAME)"]}]})
    job = make_job("unit", definition=definition)
    return build(Candidate(POOL, BASE, heads), job, Purpose.RETEST, 1, NOW, ProwSettings())


def test_the_command_is_the_containers_with_its_variables_filled_in() -> None:
    assert instructions(make_object(7), HOUR).command == ("make", "unit")


def test_times_are_those_of_the_decoration() -> None:
    todo = instructions(make_object(7, decoration_config={"timeout": "1h30m", "grace_period": "20s"}), HOUR)
    assert (todo.timeout, todo.grace) == (timedelta(minutes=90), timedelta(seconds=20))


def test_times_have_defaults() -> None:
    todo = instructions(make_object(7), HOUR)
    assert (todo.timeout, todo.grace) == (HOUR, timedelta(seconds=15))


@pytest.mark.parametrize(
    "spec", [None, {}, {"containers": None}, {"containers": ["x"]}, {"containers": [{"args": ["x"]}]}]
)
def test_without_a_command_nothing_can_run(spec: object) -> None:
    with pytest.raises(CannotRunError):
        instructions(make_object(7, spec=spec), HOUR)


def test_texts_of_others_cannot_break_the_environment() -> None:
    assert prow_environment(make_object(7))["PULL_TITLE"] == "ab"


@pytest.mark.parametrize(("numbers", "kind"), [((), "postsubmit"), ((1, 2), "batch")])
def test_only_a_presubmit_speaks_of_one_pull_request(numbers: tuple[int, ...], kind: str) -> None:
    environment = prow_environment(make_object(*numbers))
    assert environment["JOB_TYPE"] == kind
    assert "PULL_NUMBER" not in environment


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("$(A)", "1"),
        ("x$(A)$(B)", "x1$(B)"),
        ("$$(A)", "$(A)"),
        ("$$$(A)", "$1"),
        ("$A $( A )", "$A $( A )"),
        ("$(A", "$(A"),
    ],
)
def test_references_are_expanded_as_kubernetes_does(text: str, result: str) -> None:
    assert expanded(text, {"A": "1"}) == result
