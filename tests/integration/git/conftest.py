from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from tests.integration.git.origin import Origin
from tide.adapters.git.bare_repositories import BareRepositories
from tide.adapters.git.program import Finished, GitProgram
from tide.domain.keys import RepoKey

REPO = RepoKey("acme", "rocket")


@dataclass(eq=False)
class WatchedGit(GitProgram):
    """The git program, with a note of every process that it starts."""

    started: list[Sequence[str]] = field(default_factory=list)

    async def run(
        self,
        arguments: Sequence[str],
        *,
        patience: timedelta,
        cwd: Path | None = None,
        stdin: bytes = b"",
        environment: Mapping[str, str] | None = None,
        held: Sequence[int] = (),
    ) -> Finished:
        self.started.append(arguments)
        return await super().run(arguments, patience=patience, cwd=cwd, stdin=stdin, environment=environment, held=held)


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    return Origin(tmp_path / "server" / "acme" / "rocket.git")


@pytest.fixture
def program() -> WatchedGit:
    return WatchedGit()


@pytest.fixture
def git(tmp_path: Path, origin: Origin, program: WatchedGit) -> BareRepositories:
    return BareRepositories(tmp_path / "cache", lambda _: origin.url, program=program)
