"""What kubectl, which holds Go's sigs.k8s.io/yaml, makes of a text is what we make of it."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tide.golang.yaml_reader import YamlError, load

KUBECTL = shutil.which("kubectl")
pytestmark = pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed")

PIECES = [
    *"01789_.-+eExobafyn:~=O",
    "inf",
    "nan",
    "True",
    "yes",
    "null",
    "12:30",
    "2024-01-02",
    "0x",
    "0o",
    "1e3",
    "<<",
]
SCALARS = st.builds(
    "{}{}".format,
    st.sampled_from(["", "", "", "", "!!int ", "!!float ", "!!bool ", "!!str ", "!!null ", "!foo ", "! "]),
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=5).map("".join),
)
# libyaml and its port differ in one thing that no configuration does: a plain scalar that ends in a colon in brackets.
LISTS = st.lists(SCALARS.filter(lambda text: not text.endswith(":")), min_size=1, max_size=12)
ENTRIES = st.sampled_from(
    [
        "a: 1\n",
        "b: &x 2\n",
        "c: *x\n",
        "&x d: {e: 1, f: *x}\n",
        "m: &m {a: 5, z: 6}\n",
        "<<: *m\n",
        "<<: [*m, {a: 7, q: 1}]\n",
        '"<<": 1\n',
        "n:\n  <<: *m\n  a: 2\n",
        "o:\n  a: 2\n  <<: *m\n",
        "l: &l [1, *x]\n",
        "<<: *l\n",
        "? [a]\n: 1\n",
        "---\n",
        "s: &x [*x]\n",
        "t: |\n  x\n  y\n",
        "u: >-\n  x\n  y\n",
        "~: 2\n",
        "1: 1\n",
        "1.10: 2\n",
        "yes: 3\n",
        "!!merge <<: *m\n",
        "v: {<<: 1}\n",
        "\tx: 1\n",
        "r: &e\n",
        "g: *e\n",
        "h: {i, j: , k: .inf}\n",
        "i: !!map {a: 1}\n",
    ]
)


@pytest.fixture(scope="module")
def config_map(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("kubectl") / "config-map.json"
    path.write_text('{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}')
    return path


def go_reads(config_map: Path, text: str) -> object:
    """Give what Go reads, None where it refuses."""
    assert KUBECTL
    command = [KUBECTL, "patch", "--local", "-f", str(config_map), "--type=merge", "-o", "json", "-p", text]
    done = subprocess.run(command, capture_output=True, check=False)
    return json.loads(done.stdout)["data"] if done.returncode == 0 else None


def we_read(text: str) -> object:
    try:
        document = load(text.encode())
    except YamlError:
        return None
    return json.loads(json.dumps(document))["data"]


EXAMPLES = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@EXAMPLES
@given(scalars=LISTS)
def test_scalars_mean_what_go_makes_of_them(config_map: Path, scalars: list[str]) -> None:
    text = f"data: {{list: [{', '.join(scalars)}]}}"
    assert we_read(text) == go_reads(config_map, text)


@EXAMPLES
@given(keys=LISTS)
def test_keys_become_what_go_makes_of_them(config_map: Path, keys: list[str]) -> None:
    text = "data:\n" + "".join(f"  {key}: {{at: {at}}}\n" for at, key in enumerate(dict.fromkeys(keys)))
    ours, theirs = we_read(text), go_reads(config_map, text)
    # Go leaves to chance which of `1` and `"1"` wins.
    assert (set(ours) if isinstance(ours, dict) else ours) == (set(theirs) if isinstance(theirs, dict) else theirs)


@EXAMPLES
@given(entries=st.lists(ENTRIES, min_size=1, max_size=6))
def test_documents_mean_what_go_makes_of_them(config_map: Path, entries: list[str]) -> None:
    inner = "".join(entries).replace("\n", "\n  ").rstrip(" ")
    text = f"data:\n  {inner}" if "---" not in inner else "data: {a: 1}\n---\n" + inner
    ours, theirs = we_read(text), go_reads(config_map, text)
    # A merge patch drops nulls.
    assert _without_nulls(ours) == _without_nulls(theirs)


def _without_nulls(value: object) -> object:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return value
