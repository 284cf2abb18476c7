import os
from pathlib import Path

import pytest

from tide.adapters.github.token import TokenFile
from tide.domain.errors import Unauthorized


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text("  secret-one\n")
    return path


def test_the_token_is_read_without_white_space(token_file: Path) -> None:
    assert TokenFile(token_file).token() == "secret-one"


def test_a_replaced_file_gives_the_new_token(token_file: Path, tmp_path: Path) -> None:
    token = TokenFile(token_file)
    assert token.token() == "secret-one"
    replacement = tmp_path / "new"
    replacement.write_text("secret-two")
    replacement.replace(token_file)
    assert token.token() == "secret-two"


def test_a_swapped_symlink_gives_the_new_token(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).write_text(f"secret-{name}")
        os.utime(tmp_path / name, (1, 1))
    link = tmp_path / "token"
    link.symlink_to(tmp_path / "one")
    token = TokenFile(link)
    assert token.token() == "secret-one"
    link.unlink()
    link.symlink_to(tmp_path / "two")
    assert token.token() == "secret-two"


@pytest.mark.parametrize("content", ["", " \n", "two words", "line\nbreak", "schlüssel"])
def test_a_file_without_a_usable_token_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "token"
    path.write_text(content)
    with pytest.raises(Unauthorized) as caught:
        TokenFile(path).token()
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not content.strip() or content not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unauthorized, match="No such file"):
        TokenFile(tmp_path / "none").token()


def test_the_last_token_stays_while_the_file_is_gone_or_empty(token_file: Path) -> None:
    token = TokenFile(token_file)
    assert token.token() == "secret-one"
    token_file.write_text("")
    assert token.token() == "secret-one"
    token_file.unlink()
    assert token.token() == "secret-one"


def test_every_token_is_told_before_it_is_used(token_file: Path) -> None:
    told: list[str] = []
    token = TokenFile(token_file, told.append)
    token.token()
    token_file.write_text("secret-number-two")
    assert token.token() == "secret-number-two"
    token.token()
    assert told == ["secret-one", "secret-number-two"]


def test_nothing_shows_the_token(token_file: Path) -> None:
    token = TokenFile(token_file)
    token.token()
    assert "secret" not in f"{token!r} {token} {token.name}"
