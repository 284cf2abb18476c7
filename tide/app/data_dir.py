"""The directory of --data-dir."""

import tempfile
from pathlib import Path

from tide.domain.errors import TideError


def make_usable(directory: Path, *, mode: int | None = None) -> None:
    """Make a data directory, unless it is there, and see that files can be made in it; `mode` is who may enter it.

    Raises:
        TideError: it cannot be used; one line that says why.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if mode is not None:
            directory.chmod(mode)
        with tempfile.TemporaryFile(dir=directory):
            pass
    except OSError as error:
        raise TideError(f"the data directory {directory} cannot be used: {error.strerror}") from error
