"""Whether the operator trusts whoever opens pull requests with all that the daemon's own user can do."""

import os
from pathlib import Path

from tide.app.data_dir import make_usable
from tide.app.options import RunOptions
from tide.domain.errors import TideError

_FILE = "contributors-are-trusted"
_TEXT = "By --i-trust-contributors: jobs may run as the user of the daemon. Remove this file to be asked again.\n"


def needs_trust(options: RunOptions) -> bool:
    """Tell whether jobs will run as ourselves: on this host, and not as root, who has other accounts for them."""
    runs_jobs = options.prowjob_backend == "local" and not options.dry_run and not options.run_once
    return runs_jobs and os.geteuid() != 0


def what_jobs_may(options: RunOptions) -> str:
    """Say what jobs of our own user can do."""
    evidence = (
        "write what the embedded Postgres holds, the evidence that merges rest on"
        if options.database_url is None
        else "read the password of the database and write what it holds, the evidence that merges rest on"
    )
    return (
        "as an ordinary user, --prowjob-backend=local runs what the authors of pull requests wrote as that user: "
        f"a job can read the GitHub token and all other files of the user, {evidence}, and end the daemon"
    )


def is_trusted(data_dir: Path) -> bool:
    """Tell whether the operator has said so before, for this data directory."""
    return (data_dir / _FILE).is_file()


def remember_trust(data_dir: Path) -> None:
    """Note that the operator has said so; raise TideError where the data directory cannot be used."""
    make_usable(data_dir)
    try:
        (data_dir / _FILE).write_text(_TEXT)
    except OSError as error:
        raise TideError(f"the data directory {data_dir} cannot be used: {error.strerror}") from error
