"""How jobs end."""

import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tide.domain.runs import RunState
from tide.sandbox.cluster.clones import Clones
from tide.sandbox.kubernetes.resources import JsonObject
from tide.sandbox.scenarios.suite import failures, flakes


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of a job: ``success``, ``failure``, ``error`` or ``aborted``, and what it said."""

    state: RunState
    log: str = ""


Verdict = Callable[[JsonObject], Awaitable[Outcome]]
"""Tells how the run of a ProwJob ends; asked when its time is over."""


class SuiteVerdict:
    """Judges the tree that a ProwJob tests by the suite of the sandbox's repositories, its flakes included.

    Whether a flaking job fails depends on the seed and the name of the ProwJob alone.
    """

    def __init__(self, clones: Clones, seed: int) -> None:
        self._clones = clones
        self._seed = seed

    async def __call__(self, prowjob: JsonObject) -> Outcome:
        """Judge one; without refs, as a periodic is, there is nothing to fail."""
        spec, name = prowjob["spec"], prowjob["metadata"]["name"]
        if not spec.get("refs"):
            return Outcome(RunState.SUCCESS, f"{spec['job']}: nothing to test\n")
        clone = await self._clones.make(spec["refs"])
        if clone.problem:
            return Outcome(RunState.FAILURE, f"{clone.problem}\n")
        roll = zlib.crc32(f"{self._seed}:{name}".encode()) % 100
        fresh = {path: text for path, text in clone.files.items() if path not in clone.landed}
        found = (*failures(clone.files, frozenset({spec["job"]})), *flakes(fresh, spec["job"], roll))
        if found:
            return Outcome(RunState.FAILURE, "".join(f"{sentence}\n" for sentence in found))
        return Outcome(RunState.SUCCESS, f"{spec['job']}: all is well\n")
