"""How long a large configuration takes to load, made for it like the largest public one, and how much memory.

Cold is the first load of a process. Warm is a look that finds nothing changed: one stat of each file, as before every
sync. Then one file has changed: the others are read, but neither parsed nor checked again.
"""

import tempfile
from datetime import UTC, datetime
from pathlib import Path

from tests.bench.big_config import FILES, JOBS, write
from tests.bench.meters import MB, Spent, measured, peak_memory
from tests.bench.tables import Row, show
from tide.config.reload import ConfigSource
from tide.config.sources import ConfigPaths

AIM_COLD, AIM_WARM, AIM_CHANGED, AIM_MEMORY = "< 4 s", "< 0.5 s", "< 0.3 s", "< 250 MB"
_NOW = datetime(2026, 1, 2, tzinfo=UTC)


def main() -> None:
    """Print the times of the loads and the peak memory."""
    with tempfile.TemporaryDirectory(prefix="tide-bench-") as name:
        tree = write(Path(name))
        sizes = [path.stat().st_size for path in Path(name).rglob("*.yaml")]
        idle = peak_memory()
        with measured() as cold:
            source = ConfigSource(ConfigPaths(tree.config, tree.jobs))
        with measured() as warm:
            _expect(changed=False, is_new=source.refresh(_NOW))
        after = [_changed(path, source) for path in (tree.ordinary, tree.config, tree.large)]
    counts = source.current.counts
    if (len(sizes), counts.presubmits + counts.postsubmits + counts.periodics) != (FILES, JOBS):
        raise RuntimeError("not everything has been loaded")
    show(
        f"configuration: {FILES} files, {sum(sizes) / MB:.1f} MB, the largest {max(sizes) / MB:.1f} MB, {JOBS} jobs",
        [
            Row("presubmits, postsubmits, periodics", f"{counts.presubmits}, {counts.postsubmits}, {counts.periodics}"),
            _timed("cold: the first load", cold, AIM_COLD),
            _timed("warm: nothing has changed", warm, AIM_WARM),
            _timed("an ordinary job file has changed", after[0], AIM_CHANGED),
            _timed("config.yaml has changed", after[1]),
            _timed("the largest job file has changed", after[2]),
            Row(f"peak memory ({idle / MB:.0f} MB before)", f"{peak_memory() / MB:.0f} MB", AIM_MEMORY),
        ],
    )


def _changed(path: Path, source: ConfigSource) -> Spent:
    path.write_bytes(path.read_bytes() + b"\n# Another line.\n")
    with measured() as spent:
        _expect(changed=True, is_new=source.refresh(_NOW))
    return spent


def _timed(what: str, spent: Spent, aim: str = "") -> Row:
    return Row(what, f"{spent.cpu * 1000:.0f} ms CPU, {spent.wall * 1000:.0f} ms wall", aim)


def _expect(*, changed: bool, is_new: bool) -> None:
    if is_new is not changed:
        raise RuntimeError(f"the configuration should {'' if changed else 'not '}have been loaded anew")


if __name__ == "__main__":
    main()
