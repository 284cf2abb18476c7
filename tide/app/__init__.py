"""The composition root: the one place that names every concrete adapter and puts them together."""

from tide.app.daemon import run_daemon
from tide.app.options import RunOptions

__all__ = ["RunOptions", "run_daemon"]
