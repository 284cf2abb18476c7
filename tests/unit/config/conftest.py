from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import dedent
from types import MappingProxyType

import pytest

from tide.config.loaded import LoadedConfig
from tide.config.loading import NO_OPTIONS, LoadOptions, load
from tide.config.parsing import Parser
from tide.config.sources import ConfigPaths, read_sources
from tide.domain.errors import ConfigError, Problem

NOTHING: Mapping[str, str] = MappingProxyType({})


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., ConfigPaths]:
    """Write the texts of a configuration down.

    `jobs` may be one text or several by file name; `more` are supplemental files by the start of their names.
    """

    def write(
        config: str = "", jobs: str | Mapping[str, str] = "", own: str = "", more: Mapping[str, str] = NOTHING
    ) -> ConfigPaths:
        files = {"config.yaml": config, "own.yaml": own}
        files |= {
            f"jobs/{name}": text for name, text in ({"jobs.yaml": jobs} if isinstance(jobs, str) else jobs).items()
        }
        files |= {f"more/{name}_prowconfig.yaml": text for name, text in more.items()}
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(dedent(text))
        directories = (tmp_path / "more",) if more else ()
        return ConfigPaths(tmp_path / "config.yaml", tmp_path / "jobs", tmp_path / "own.yaml", directories)

    return write


@pytest.fixture
def loaded(write: Callable[..., ConfigPaths]) -> Callable[..., LoadedConfig]:
    """Load a configuration from texts."""

    def loaded(
        config: str = "",
        jobs: str | Mapping[str, str] = "",
        own: str = "",
        options: LoadOptions = NO_OPTIONS,
        more: Mapping[str, str] = NOTHING,
    ) -> LoadedConfig:
        return load(read_sources(write(config, jobs, own, more)), Parser(), options)

    return loaded


@pytest.fixture
def problems(loaded: Callable[..., LoadedConfig]) -> Callable[..., list[tuple[str, str]]]:
    """Give what is wrong with a configuration as (path, message), [] when it loads."""

    def problems(
        config: str = "", jobs: str | Mapping[str, str] = "", own: str = "", more: Mapping[str, str] = NOTHING
    ) -> list[tuple[str, str]]:
        try:
            loaded(config, jobs, own, more=more)
        except ConfigError as error:
            return [(problem.path, problem.message) for problem in error.problems]
        return []

    return problems


@pytest.fixture
def refused(loaded: Callable[..., LoadedConfig]) -> Callable[..., tuple[Problem, ...]]:
    """Load a configuration that must be refused, and give why."""

    def refused(
        config: str = "", jobs: str | Mapping[str, str] = "", own: str = "", more: Mapping[str, str] = NOTHING
    ) -> tuple[Problem, ...]:
        with pytest.raises(ConfigError) as caught:
            loaded(config, jobs, own, more=more)
        return caught.value.problems

    return refused
