"""The ProwJobs that are not complete, kept up to date by what the API server tells."""

from collections.abc import Callable

from tide.sandbox.cluster.shape import is_prowjob
from tide.sandbox.kubernetes.objects import ApiObjects
from tide.sandbox.kubernetes.resources import JsonObject

COMPLETION = "completionTime"


class Unfinished:
    """The ProwJobs of one namespace that have no completion time; what is none (``is_prowjob``) is passed over."""

    def __init__(self, objects: ApiObjects, namespace: str) -> None:
        self._objects = objects
        self._namespace = namespace
        self._known: dict[str, JsonObject] = {}
        self._changed: Callable[[str, str], None] = lambda _kind, _name: None

    def follow(self, changed: Callable[[str, str], None]) -> Callable[[], None]:
        """Keep up to date from now on; what is given back ends that.

        ``changed`` is called with the kind of event and the name of every ProwJob that is there already, and after
        every change of one, complete ones included.
        """
        self._changed = changed
        self._known.clear()
        for prowjob in self._objects.listed(self._namespace):
            self._see("ADDED", prowjob)
        return self._objects.subscribe(self._see)

    def __contains__(self, name: str) -> bool:
        return name in self._known

    def listed(self) -> list[JsonObject]:
        """Give them to be read, by start time and then by name (Prow: pjutil/abort.go scanOrder)."""
        return sorted(self._known.values(), key=lambda one: (_started(one), one["metadata"]["name"]))

    def _see(self, kind: str, prowjob: JsonObject) -> None:
        metadata = prowjob["metadata"]
        if metadata.get("namespace") != self._namespace:
            return
        if kind == "DELETED" or not is_prowjob(prowjob) or prowjob["status"].get(COMPLETION):
            self._known.pop(metadata["name"], None)
        else:
            self._known[metadata["name"]] = prowjob
        self._changed(kind, metadata["name"])


def _started(prowjob: JsonObject) -> str:
    return str(prowjob["status"].get("startTime") or "")
