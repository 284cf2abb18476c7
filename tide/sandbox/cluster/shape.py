"""Which objects have the shape of a ProwJob: the API server lets clients write anything into them."""

from collections.abc import Mapping
from typing import Any

from tide.domain.runs import RunState
from tide.sandbox.kubernetes.resources import JsonObject

_STATES = frozenset(state.value for state in RunState)
_SPEC = {"job": str, "type": str, "agent": str, "context": str, "max_concurrency": int, "extra_refs": list}
_STATUS = {"state": str, "description": str, "url": str, "startTime": str, "prev_report_states": dict}
_REFS = {"org": str, "repo": str, "base_ref": str, "base_sha": str, "pulls": list}
_PULL = {"number": int, "sha": str}


def is_prowjob(content: JsonObject) -> bool:
    """Tell whether an object is one that the cluster can work with: in a state, and nothing in it of a wrong type."""
    spec: Any = content.get("spec")
    status: Any = content.get("status")
    if not (_fits(spec, _SPEC, "job", "type") and _fits(status, _STATUS, "state")):
        return False
    extra = spec.get("extra_refs") or []
    return status["state"] in _STATES and _is_refs(spec.get("refs") or None) and all(map(_is_refs, extra))


def _is_refs(refs: Any) -> bool:
    if refs is None:
        return True
    if not _fits(refs, _REFS, "org", "repo"):
        return False
    return all(_fits(pull, _PULL, "number", "sha") for pull in refs.get("pulls") or [])


def _fits(value: Any, types: Mapping[str, type], *needed: str) -> bool:
    if not isinstance(value, dict) or any(value.get(key) is None for key in needed):
        return False
    return all(value.get(key) is None or isinstance(value[key], kind) for key, kind in types.items())
