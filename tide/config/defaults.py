"""Defaults that plank and Prow give to jobs by repository and cluster: later entries win, field by field."""

from collections.abc import Iterable, Mapping
from typing import Any

from tide.config.prow.config import DefaultEntry, ProwConfig
from tide.domain.names import folded, org_of

# What is merged field by field itself; every other field of a decoration config is taken whole.
_NESTED = frozenset(
    (
        *("utility_images", "resources", "gcs_configuration", "media_types", "censoring_options"),
        "resultstore_config",
    )
)
# Text that is a pointer in Go: "" is a setting there, by which a job does without what the defaults give it.
_MAY_BE_EMPTY = frozenset(
    ("gcs_credentials_secret", "s3_credentials_secret", "default_service_account_name", "cookiefile_secret")
)
_EVERYTHING = frozenset({"", "*"})


def decoration_entries(config: ProwConfig) -> tuple[DefaultEntry, ...]:
    """Give plank's decoration defaults in the order in which they apply: all, organisations, repositories."""
    if config.plank.default_decoration_config_entries:
        return config.plank.default_decoration_config_entries
    by_key = config.plank.default_decoration_configs
    ordered = sorted(by_key, key=lambda key: (key != "*", "/" in key, key))
    return tuple(DefaultEntry(repo=key, config=by_key[key]) for key in ordered)


def merged_default(
    entries: Iterable[DefaultEntry], repo: str, cluster: str, own: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Give the defaults of a job with its own settings on top (Prow: mergeDefaultDecorationConfig)."""
    merged: dict[str, Any] = {}
    for entry in entries:
        if _applies(entry, repo, cluster):
            merged = _on_top(entry.config, merged)
    return _on_top(own or {}, merged)


def _applies(entry: DefaultEntry, repo: str, cluster: str) -> bool:
    if entry.cluster not in _EVERYTHING and entry.cluster != cluster:
        return False
    bare = repo.removeprefix("https://").removeprefix("http://")
    return entry.repo in _EVERYTHING or folded(entry.repo) in {folded(name) for name in (repo, bare, org_of(bare))}


def _on_top(upper: Mapping[str, Any], lower: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(lower)
    for key, value in upper.items():
        if _is_unset(value) and not (value == "" and key in _MAY_BE_EMPTY):
            continue
        below = lower.get(key)
        if key in _NESTED and isinstance(value, Mapping) and isinstance(below, Mapping):
            merged[key] = _on_top(value, below)
        else:
            merged[key] = value
    return merged


def _is_unset(value: object) -> bool:
    """Tell whether Go would see a zero value; false and 0 are pointers in these structs, so they are set."""
    return value is None or value == "" or (isinstance(value, list | dict) and not value)
