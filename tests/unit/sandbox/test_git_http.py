import pytest

from tide.sandbox.git_http import MalformedPushError, RefCommand, parse_commands

OLD, NEW, NONE = "1" * 40, "2" * 40, "0" * 40


def line(text: str) -> bytes:
    return f"{len(text) + 4:04x}{text}".encode()


def test_the_commands_of_a_push_are_read() -> None:
    body = line(f"{OLD} {NEW} refs/heads/main\0 report-status") + line(f"{NONE} {NEW} refs/tags/v1\n") + b"0000PACK"
    assert parse_commands(body) == [
        RefCommand("refs/heads/main", OLD, NEW),
        RefCommand("refs/tags/v1", None, NEW),
    ]
    assert [command.branch for command in parse_commands(body) or ()] == ["main", None]


def test_shallow_lines_are_no_commands() -> None:
    body = line(f"shallow {OLD}") + line(f"{OLD} {NONE} refs/heads/old\0") + b"0000"
    assert parse_commands(body) == [RefCommand("refs/heads/old", OLD, None)]


def test_commands_are_not_known_before_their_end() -> None:
    body = line(f"{OLD} {NEW} refs/heads/main\0") + b"0000"
    assert [parse_commands(body[:length]) for length in range(len(body))] == [None] * len(body)


@pytest.mark.parametrize("body", [b"zzzz", line("nonsense") + b"0000"])
def test_what_git_does_not_send_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedPushError):
        parse_commands(body)
