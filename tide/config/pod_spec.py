"""Pod specifications: left as they are written, but for what Prow's Go types and presets make of them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tide.config.prow.jobs import Preset
from tide.golang.yaml_reader import go_text

PodSpec = Mapping[str, Any]

# Fields that are text, and often written as numbers or booleans; Go turns those into text.
_TEXT_FIELDS = frozenset(
    (
        *("name", "key", "value", "values", "command", "args", "image", "path", "mountPath", "subPath", "workingDir"),
        *("labels", "annotations", "matchLabels", "nodeSelector", "requests", "limits"),
    )
)


def as_go_holds(spec: PodSpec) -> dict[str, Any]:
    """Copy a specification as Go would write it: scalars are text where its type is a string, containers have names."""
    held = {key: _held(value, in_text=key in _TEXT_FIELDS) for key, value in spec.items() if value is not None}
    for key in ("containers", "initContainers"):
        if isinstance(held.get(key), list):
            held[key] = [{"name": "", **item} if isinstance(item, dict) else item for item in held[key]]
    return held


def _held(value: Any, *, in_text: bool) -> Any:
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return {
            key: item if isinstance(item, str) else _held(item, in_text=in_text or key in _TEXT_FIELDS)
            for key, item in value.items()
            if item is not None
        }
    if isinstance(value, list):
        return [_held(item, in_text=in_text) for item in value]
    return go_text(value) if in_text and isinstance(value, bool | int | float) else value


def preset_as_go_holds(preset: Preset) -> Preset:
    """Copy what a preset brings as Go would write it."""
    brought = ("env", "volumes", "volume_mounts", "tolerations")
    return preset.model_copy(update={key: tuple(map(as_go_holds, getattr(preset, key))) for key in brought})


def mappings(owner: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """List the mappings under `key`; what is none is not listed."""
    items = owner.get(key)
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def names(items: Iterable[Mapping[str, Any]]) -> list[str]:
    """List what the items are called."""
    return [str(item.get("name", "")) for item in items]


def apply_presets(
    spec: dict[str, Any], labels: Mapping[str, str], presets: Iterable[Preset]
) -> tuple[dict[str, Any], list[str]]:
    """Add the presets whose labels the job carries (Prow: mergePreset).

    Args:
        spec: as Go holds it, and so the presets.
        labels: those of the job.
        presets: all there are.

    Returns:
        The specification with what they bring, and what collides.
    """
    collisions: list[str] = []
    for preset in presets:
        if preset.labels.items() <= labels.items():
            spec = _with_preset(spec, preset, collisions)
    return spec, collisions


def _with_preset(spec: dict[str, Any], preset: Preset, collisions: list[str]) -> dict[str, Any]:
    containers = mappings(spec, "containers")
    for container in containers:
        collisions += _shared("env var", container, "env", preset.env)
        collisions += _shared("volume mount", container, "volumeMounts", preset.volume_mounts)
    collisions += _shared("volume", spec, "volumes", preset.volumes)
    if any(toleration in mappings(spec, "tolerations") for toleration in preset.tolerations):
        collisions.append("a preset brings a toleration that the pod has already")
    brought = [
        _extended(container, {"env": preset.env, "volumeMounts": preset.volume_mounts}) for container in containers
    ]
    outer = _extended(spec, {"volumes": preset.volumes, "tolerations": preset.tolerations})
    return {**outer, "containers": brought} if containers else outer


def _shared(kind: str, owner: Mapping[str, Any], key: str, additions: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    present = set(names(mappings(owner, key)))
    for name in names(additions):
        if name in present:
            yield f"a preset brings {kind} {name!r}, which the pod has already"


def _extended(owner: Mapping[str, Any], additions: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, Any]:
    extended = dict(owner)
    for key, items in additions.items():
        if items:
            extended[key] = [*mappings(owner, key), *items]
    return extended
