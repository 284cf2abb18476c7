"""Which presubmits a newer one takes the place of."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tide.sandbox.kubernetes.resources import JsonObject


def duplicates(unfinished: Sequence[JsonObject]) -> list[JsonObject]:
    """Choose those to abort: of presubmits with one identity only the one that was started last goes on.

    Of several started within the same second the first by name goes on (Prow: pjutil/abort.go TerminateOlderJobs).

    Args:
        unfinished: ProwJobs that are not complete, by start time and then by name.
    """
    newest: dict[tuple[str, ...], JsonObject] = {}
    outdated = []
    for prowjob in unfinished:
        if prowjob["spec"]["type"] != "presubmit":
            continue
        identity = _identity(prowjob["spec"])
        earlier = newest.setdefault(identity, prowjob)
        if earlier is prowjob:
            continue
        if _start(earlier) < _start(prowjob):
            newest[identity] = prowjob
            outdated.append(earlier)
        else:
            outdated.append(prowjob)
    return outdated


def _identity(spec: Mapping[str, Any]) -> tuple[str, ...]:
    """Give what is the same in all versions of a presubmit: no SHA is looked at."""
    refs: Iterable[Mapping[str, Any]] = filter(None, (spec.get("refs"), *(spec.get("extra_refs") or ())))
    return tuple(sorted((str(spec["job"]), *map(_digest, refs))))


def _digest(refs: Mapping[str, Any]) -> str:
    numbers = sorted(pull["number"] for pull in refs.get("pulls") or ())
    return f"{refs.get('org')}/{refs.get('repo')}@{refs.get('base_ref')} {numbers}"


def _start(prowjob: JsonObject) -> str:
    return str(prowjob["status"].get("startTime") or "")
