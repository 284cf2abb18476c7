import logging
from pathlib import Path

from structlog.testing import capture_logs

from tide.adapters.kept_file import KeptFile, identity


def upper(content: bytes) -> str:
    if not content:
        raise ValueError("it is empty")
    return content.decode().upper()


def test_what_keeps_the_last_one_in_use_is_told_once(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("one")
    file = KeptFile(path, "word", upper)
    with capture_logs() as told:
        assert file.value() == "ONE"
        path.write_text("")
        assert [file.value() for _ in range(3)] == ["ONE"] * 3
        path.write_text("two")
        assert file.value() == "TWO"
        path.unlink()
        assert [file.value() for _ in range(3)] == ["TWO"] * 3
    assert [line["problem"] for line in told if line["log_level"] == logging.getLevelName(logging.WARNING).lower()] == [
        f"no word can be read from {path}: it is empty",
        f"no word can be read from {path}: No such file or directory",
    ]


def test_a_file_that_is_back_after_it_was_gone_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("one")
    file = KeptFile(path, "word", upper)
    assert file.value() == "ONE"
    path.rename(tmp_path / "aside")
    assert (file.value(), identity(path)) == ("ONE", None)
    path.write_text("two")
    assert file.value() == "TWO"
