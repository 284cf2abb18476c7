from datetime import timedelta

import click
import pytest

from tide.cli.go_flags import GoBool, GoDuration, switch, with_two_dashes


@click.command()
@switch("--dry-run", default=True, help="Change nothing.")
@switch("--run-once", default=False, help="Once.")
@click.option("--port", type=int, default=0)
@click.option("--bind", default="")
@click.option("--github-client.request-timeout", "patience", type=GoDuration(), default="2m")
@click.argument("rest", nargs=-1)
def probe(**given: object) -> dict[str, object]:
    """Give back what was given."""
    return given


def read(*arguments: str) -> dict[str, object]:
    """Read a command line, leaving out what has its default."""
    given: dict[str, object] = probe.main(with_two_dashes(arguments), standalone_mode=False)
    default = {"dry_run": True, "run_once": False, "port": 0, "bind": "", "patience": timedelta(minutes=2), "rest": ()}
    return {name: value for name, value in given.items() if value != default[name]}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["-port=1"], ["--port=1"]),
        (["-port", "1"], ["--port", "1"]),
        (["--port=1"], ["--port=1"]),
        (["-github-client.request-timeout=1m"], ["--github-client.request-timeout=1m"]),
        (["-bind=a=b\nc"], ["--bind=a=b\nc"]),
        (["-h"], ["-h"]),
        (["-5"], ["-5"]),
        (["-1m30s"], ["-1m30s"]),
        (["-.5"], ["-.5"]),
        (["-"], ["-"]),
        (["---port"], ["---port"]),
        (["run", "-port=1", "--", "-port=2"], ["run", "--port=1", "--", "-port=2"]),
        ([], []),
    ],
)
def test_one_dash_is_as_good_as_two(given: list[str], expected: list[str]) -> None:
    assert with_two_dashes(given) == expected


@pytest.mark.parametrize("text", ["1", "t", "T", "TRUE", "true", "True"])
def test_every_true_of_go_is_true(text: str) -> None:
    assert read(f"--run-once={text}") == {"run_once": True}


@pytest.mark.parametrize("text", ["0", "f", "F", "FALSE", "false", "False"])
def test_every_false_of_go_is_false(text: str) -> None:
    assert read(f"-dry-run={text}") == {"dry_run": False}


@pytest.mark.parametrize("text", ["yes", "no", "on", "tRUE", "2", "", " true"])
def test_what_go_does_not_take_for_a_boolean_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is not a boolean"):
        read(f"--dry-run={text}")


def test_a_switch_alone_is_on_whatever_follows() -> None:
    assert read("--run-once") == {"run_once": True}
    assert read("-run-once", "-port", "7") == {"run_once": True, "port": 7}
    assert read("--run-once", "--", "rest") == {"run_once": True, "rest": ("rest",)}


def test_the_last_of_several_wins() -> None:
    assert read("--dry-run=false", "-dry-run") == {}
    assert read("--dry-run", "-dry-run=false") == {"dry_run": False}


def test_negative_numbers_are_values() -> None:
    assert read("--port", "-5") == {"port": -5}
    assert read("-port=-5") == {"port": -5}


def test_after_two_dashes_everything_is_an_argument() -> None:
    assert read("--", "-port=5", "--run-once") == {"rest": ("-port=5", "--run-once")}


def test_a_value_may_hold_an_equals_sign_or_be_empty() -> None:
    assert read("-bind=a=b") == {"bind": "a=b"}
    assert read("--port=1", "--bind=") == {"port": 1}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("1m30s", 90), ("1.5h", 5400), ("250ms", 0.25), ("0", 0), ("-1m", -60), ("+2s", 2)],
)
def test_durations_are_go_s(text: str, seconds: float) -> None:
    assert read(f"-github-client.request-timeout={text}") == {"patience": timedelta(seconds=seconds)}


@pytest.mark.parametrize("text", ["90", "1 m", "1d", "", "s", "soon", "1h-1m"])
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(click.BadParameter, match="such as 90s, 1m30s or 24h"):
        read(f"--github-client.request-timeout={text}")


def test_a_flag_nobody_knows_is_refused() -> None:
    with pytest.raises(click.NoSuchOption):
        read("-nonsense=1")


def test_values_that_are_converted_already_stay() -> None:
    assert GoBool().convert(value=True, param=None, ctx=None) is True
    assert GoDuration().convert(timedelta(1), None, None) == timedelta(1)
