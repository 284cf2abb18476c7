"""How long a configuration takes to load: the largest of the public ones beside the project, or else our example.

Cold is the first load of a process, warm looks for changes where there are none, and then one file has changed: the
others are not parsed again.
"""

import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from tests.bench.meters import MB, Spent, measured, peak_memory
from tests.bench.tables import Row, show
from tide.config.reload import ConfigSource
from tide.config.sources import ConfigPaths

_ROOT = Path(__file__).parents[2]
_PUBLIC = _ROOT.parent / "shared" / "data" / "configs"
_NOW = datetime(2026, 1, 2, tzinfo=UTC)


def main() -> None:
    """Print the times of the three loads and the peak memory."""
    original = _largest()
    with tempfile.TemporaryDirectory(prefix="tide-bench-") as name:
        tree = Path(shutil.copytree(original, Path(name) / "tree"))
        jobs = next((path for path in (tree / "jobs", tree / "jobs.yaml") if path.exists()), None)
        idle = peak_memory()
        with measured() as cold:
            source = ConfigSource(ConfigPaths(tree / "config.yaml", jobs))
        with measured() as warm:
            _expect(changed=False, is_new=source.refresh(_NOW))
        changed = max((jobs or tree).rglob("*.yaml"), key=_size, default=tree / "config.yaml")
        changed.write_bytes(changed.read_bytes() + b"\n# Another line.\n")
        with measured() as after_change:
            _expect(changed=True, is_new=source.refresh(_NOW))
    counts, sizes = source.current.counts, [_size(path) for path in original.rglob("*.yaml")]
    show(
        f"configuration {original.name}: {len(sizes)} files, {sum(sizes) / MB:.1f} MB",
        [
            Row("presubmits, postsubmits, periodics", f"{counts.presubmits}, {counts.postsubmits}, {counts.periodics}"),
            _timed("cold", cold),
            _timed("warm: nothing has changed", warm),
            _timed(f"the largest job file has changed ({changed.name})", after_change),
            Row(f"peak memory ({idle / MB:.0f} MB before)", f"{peak_memory() / MB:.0f} MB"),
        ],
    )


def _largest() -> Path:
    trees = [path.parent for path in _PUBLIC.glob("*/config.yaml")] or [_ROOT / "config"]
    return max(trees, key=lambda tree: sum(map(_size, tree.rglob("*.yaml"))))


def _size(path: Path) -> int:
    return path.stat().st_size


def _timed(what: str, spent: Spent) -> Row:
    return Row(what, f"{spent.cpu * 1000:.1f} ms CPU, {spent.wall * 1000:.1f} ms wall")


def _expect(*, changed: bool, is_new: bool) -> None:
    if is_new is not changed:
        raise RuntimeError(f"the configuration should {'' if changed else 'not '}have been loaded anew")


if __name__ == "__main__":
    main()
