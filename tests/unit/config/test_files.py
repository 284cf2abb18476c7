import gzip
import os
from pathlib import Path

import pytest

from tide.config.files import files_that_decide, fingerprint, job_files, read_file, supplemental_files
from tide.domain.errors import ConfigError


def write(path: Path, text: str = "a: 1\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def mount(directory: Path, version: str, files: dict[str, str]) -> None:
    """Lay out a ConfigMap volume as the kubelet does, or swap an existing one."""
    for name, text in files.items():
        write(directory / f"..{version}" / name, text)
    link = directory / "..data_tmp"
    link.symlink_to(f"..{version}")
    link.rename(directory / "..data")
    for name in files:
        if not (directory / name).is_symlink():
            (directory / name).symlink_to(f"..data/{name}")


def names(root: Path) -> list[str]:
    return [path.relative_to(root).as_posix() for path in job_files(root)]


def test_a_file_stands_for_itself(tmp_path: Path) -> None:
    file = write(tmp_path / "jobs.txt")
    assert job_files(file) == [file]


def test_a_directory_gives_its_yaml_files_in_lexical_order(tmp_path: Path) -> None:
    for name in ("b.yaml", "a/z.yml", "a/a.yaml", "c.json", "README.md", "a.yaml"):
        write(tmp_path / name)
    assert names(tmp_path) == ["a/a.yaml", "a/z.yml", "a.yaml", "b.yaml"]


def test_a_config_map_gives_each_file_once(tmp_path: Path) -> None:
    mount(tmp_path, "2024_01", {"jobs.yaml": "a: 1", "more.yaml": "b: 1"})
    assert names(tmp_path) == ["jobs.yaml", "more.yaml"]
    assert read_file(tmp_path / "jobs.yaml").text == b"a: 1"


def test_directories_behind_symlinks_are_left_out(tmp_path: Path) -> None:
    write(tmp_path / "real" / "a.yaml")
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "real" / "loop").symlink_to("..")
    assert names(tmp_path) == ["real/a.yaml"]


def test_prowignore_leaves_files_out_and_the_nearest_one_decides(tmp_path: Path) -> None:
    for name in ("a.yaml", "tool/default.yaml", "tool/keep.yaml", "sub/default.yaml", "sub/deep/x.yaml"):
        write(tmp_path / name)
    write(tmp_path / ".prowignore", "# foreign\ndefault.yaml\n/sub/deep/\n")
    write(tmp_path / "sub" / ".prowignore", "!default.yaml\n")
    assert names(tmp_path) == ["a.yaml", "sub/default.yaml", "tool/keep.yaml"]


def test_gzip_is_told_by_its_first_bytes(tmp_path: Path) -> None:
    packed, plain = tmp_path / "packed.yaml", write(tmp_path / "plain.yaml", "a: 1\n")
    packed.write_bytes(gzip.compress(b"a: 1\n"))
    assert read_file(packed).text == b"a: 1\n"
    assert read_file(packed).digest == read_file(plain).digest


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\x1f\x8bnonsense", "cannot be unpacked"),
        (gzip.compress(os.urandom(1000))[:300], "ends too early"),
    ],
)
def test_broken_gzip_is_one_problem_of_that_file(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "packed.yaml"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=words) as caught:
        read_file(file)
    assert caught.value.problems[0].file == str(file)


def test_a_file_that_is_not_there_is_one_problem(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"config\.yaml: cannot be read: No such file or directory"):
        read_file(tmp_path / "config.yaml")


def test_a_swapped_symlink_changes_the_fingerprint(tmp_path: Path) -> None:
    mount(tmp_path, "2024_01", {"jobs.yaml": "a: 1"})
    before = fingerprint(files_that_decide(tmp_path))
    assert fingerprint(files_that_decide(tmp_path)) == before
    mount(tmp_path, "2024_02", {"jobs.yaml": "a: 2"})
    assert fingerprint(files_that_decide(tmp_path)) != before


@pytest.mark.parametrize("change", ["write", "add", "remove", "ignore"])
def test_a_changed_tree_changes_the_fingerprint(tmp_path: Path, change: str) -> None:
    write(tmp_path / "jobs" / "a.yaml")
    write(tmp_path / "jobs" / "b.yaml")
    before = fingerprint(files_that_decide(tmp_path / "jobs"))
    if change == "write":
        write(tmp_path / "jobs" / "a.yaml", "a: 1\nb: 2\n")
    elif change == "add":
        write(tmp_path / "jobs" / "c.yaml")
    elif change == "remove":
        (tmp_path / "jobs" / "b.yaml").unlink()
    else:
        write(tmp_path / "jobs" / ".prowignore", "b.yaml\n")
    assert fingerprint(files_that_decide(tmp_path / "jobs")) != before


def test_a_file_that_appears_changes_the_fingerprint(tmp_path: Path) -> None:
    before = fingerprint([tmp_path / "config.yaml"])
    write(tmp_path / "config.yaml")
    assert fingerprint([tmp_path / "config.yaml"]) != before


def test_supplemental_files_are_told_by_the_end_of_their_names(tmp_path: Path) -> None:
    for name in (
        "z_prowconfig.yaml",
        "a/_prowconfig.yaml",
        "a/_pluginconfig.yaml",
        "config.yaml",
        "..x/_prowconfig.yaml",
    ):
        write(tmp_path / name)
    write(tmp_path / ".prowignore", "*\n")
    found = supplemental_files(tmp_path, "_prowconfig.yaml")
    assert [path.relative_to(tmp_path).as_posix() for path in found] == ["a/_prowconfig.yaml", "z_prowconfig.yaml"]


def test_a_supplemental_directory_that_is_not_there_is_one_problem(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="absent: cannot be listed: No such file or directory"):
        supplemental_files(tmp_path / "absent", "_prowconfig.yaml")
