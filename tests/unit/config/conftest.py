from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import dedent

import pytest

from tide.config.loaded import LoadedConfig
from tide.config.loading import NO_OPTIONS, LoadOptions, load
from tide.config.parsing import Parser
from tide.config.sources import ConfigPaths, read_sources
from tide.domain.errors import ConfigError, Problem


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., ConfigPaths]:
    """Write the texts of a configuration down; `jobs` may be one text or several by file name."""

    def write(config: str = "", jobs: str | Mapping[str, str] = "", own: str = "") -> ConfigPaths:
        (tmp_path / "config.yaml").write_text(dedent(config))
        for name, text in ({"jobs.yaml": jobs} if isinstance(jobs, str) else jobs).items():
            (tmp_path / "jobs" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "jobs" / name).write_text(dedent(text))
        (tmp_path / "own.yaml").write_text(dedent(own))
        return ConfigPaths(tmp_path / "config.yaml", tmp_path / "jobs", tmp_path / "own.yaml")

    return write


@pytest.fixture
def loaded(write: Callable[..., ConfigPaths]) -> Callable[..., LoadedConfig]:
    """Load a configuration from texts."""

    def loaded(
        config: str = "", jobs: str | Mapping[str, str] = "", own: str = "", options: LoadOptions = NO_OPTIONS
    ) -> LoadedConfig:
        return load(read_sources(write(config, jobs, own)), Parser(), options)

    return loaded


@pytest.fixture
def problems(loaded: Callable[..., LoadedConfig]) -> Callable[..., list[tuple[str, str]]]:
    """Give what is wrong with a configuration as (path, message), [] when it loads."""

    def problems(config: str = "", jobs: str | Mapping[str, str] = "", own: str = "") -> list[tuple[str, str]]:
        try:
            loaded(config, jobs, own)
        except ConfigError as error:
            return [(problem.path, problem.message) for problem in error.problems]
        return []

    return problems


@pytest.fixture
def refused(loaded: Callable[..., LoadedConfig]) -> Callable[..., tuple[Problem, ...]]:
    """Load a configuration that must be refused, and give why."""

    def refused(config: str = "", jobs: str | Mapping[str, str] = "", own: str = "") -> tuple[Problem, ...]:
        with pytest.raises(ConfigError) as caught:
            loaded(config, jobs, own)
        return caught.value.problems

    return refused
