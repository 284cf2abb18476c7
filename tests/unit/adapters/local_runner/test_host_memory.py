import os
from pathlib import Path

import pytest

from tide.adapters.local_runner.host_memory import memory_of_host

HOST = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
V2, V1 = "0::/", "9:name=systemd:/\n4:cpu,memory:/pod/{}\n0::/"


@pytest.mark.parametrize(
    ("told", "files", "memory"),
    [
        ("", {}, HOST),
        (V2, {}, HOST),
        (V2, {"memory.max": "max\n"}, HOST),
        (V2, {"memory.max": "1000000\n"}, 1_000_000),
        (V2, {"memory.max": f"{2 * HOST}\n"}, HOST),
        ("0::/pod/one", {"pod/one/memory.max": "max\n", "pod/memory.max": "2000000\n"}, 2_000_000),
        ("0::/pod/one", {"pod/one/memory.max": "1000000\n", "pod/memory.max": "2000000\n"}, 1_000_000),
        ("0::/outside/of/us", {"memory.max": "1000000\n"}, 1_000_000),
        ("0::/../../outside", {"memory.max": "1000000\n"}, 1_000_000),
        (V1.format("one"), {"memory/pod/one/memory.limit_in_bytes": "1000000\n"}, 1_000_000),
        (V1.format("two"), {"memory/memory.limit_in_bytes": "1000000\n"}, 1_000_000),
        (V1.format("two"), {"memory/memory.limit_in_bytes": "9223372036854771712\n"}, HOST),
    ],
)
def test_what_the_control_groups_allow_counts_where_it_is_less(
    tmp_path: Path, told: str, files: dict[str, str], memory: int
) -> None:
    for name, content in {"proc/self/cgroup": told, **{f"sys/fs/cgroup/{name}": files[name] for name in files}}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    assert memory_of_host(tmp_path) == memory


def test_there_is_some_here() -> None:
    assert 0 < memory_of_host() <= HOST
