"""`python -m tests.bench [NAME …]`: print one table for each benchmark, or for those named.

Each runs in a process of its own, so that what one of them leaves in memory is not another's.
"""

import subprocess
import sys
from pathlib import Path

_NAMES = sorted(path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py"))


def main(names: list[str]) -> int:
    """Run the named benchmarks, all without a name; give 0 when each of them came to its end."""
    unknown = sorted({*names} - {*_NAMES})
    if unknown:
        print(f"no benchmark named {', '.join(unknown)}; there are {', '.join(_NAMES)}", file=sys.stderr)
        return 2
    codes = [
        subprocess.run([sys.executable, "-m", f"tests.bench.bench_{name}"], check=False).returncode
        for name in names or _NAMES
    ]
    return 1 if any(codes) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
