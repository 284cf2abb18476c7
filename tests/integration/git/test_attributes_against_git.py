"""One joined attributes file says of every path what the files of a work tree say of it."""

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.integration.git.origin import git
from tide.adapters.git.attributes import merge_attributes

DIRECTORIES = ["", "a", "a/b c", "a/[x]*", "!d"]
NAMES = ["x.txt", "y z.txt", "[q].txt", "ü.txt", "#h.txt"]
PATHS = [f"{directory}/{name}".lstrip("/") for directory in [*DIRECTORIES, "a/deep/er"] for name in NAMES]

patterns = st.sampled_from(
    ["*", "*.txt", "/x.txt", "x.txt", '"y z.txt"', "b*/*.txt", "deep/**", "**/er/*", "/deep/er/x.txt", "\\[q].txt"]
) | st.sampled_from(["a/", "!x.txt", '"\\303\\274.txt"', "[!x].txt", "?.txt", "er/x.txt", "[attr]own", "\\#h.txt"])
settings_ = st.sampled_from(["merge=union", "-merge", "!merge", "binary", "merge", "own", "text -merge", "merge=other"])
lines = st.lists(st.tuples(patterns, settings_).map(" ".join) | st.sampled_from(["# merge", "", "  "]), max_size=4)


@given(st.dictionaries(st.sampled_from(DIRECTORIES), lines.map("\n".join), min_size=1))
@settings(max_examples=30, deadline=None)
def test_a_joined_file_means_what_the_files_mean(files: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        tree, bare = Path(directory) / "tree", Path(directory) / "bare.git"
        git("init", "-q", str(tree), cwd=Path(directory))
        git("init", "-q", "--bare", str(bare), cwd=Path(directory))
        for folder, content in files.items():
            (tree / folder).mkdir(parents=True, exist_ok=True)
            (tree / folder / ".gitattributes").write_text(content)
        joined = Path(directory) / "joined"
        joined.write_bytes(merge_attributes({folder.encode(): content.encode() for folder, content in files.items()}))
        query = ("check-attr", "-z", "merge", "--", *PATHS)
        expected = git(*query, cwd=tree)
        found = git("-c", f"core.attributesFile={joined}", *query, cwd=bare)
    assert found.split("\0") == expected.split("\0")
