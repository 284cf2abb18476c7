"""A `ProwJobStorage` in memory, for tests that have no need of a database."""

import copy
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass
class MemoryStorage:
    """Keeps copies, as a database would."""

    objects: dict[str, dict[str, Any]] = field(default_factory=dict)

    async def insert(self, name: str, prowjob: Mapping[str, Any]) -> bool:
        if name in self.objects:
            return False
        self.objects[name] = copy.deepcopy(dict(prowjob))
        return True

    async def get(self, name: str) -> dict[str, Any] | None:
        return copy.deepcopy(self.objects.get(name))

    async def update(self, name: str, prowjob: Mapping[str, Any]) -> bool:
        kept = self.objects.get(name)
        if kept is None or (_completed(kept) and not _completed(prowjob)):
            return False
        self.objects[name] = copy.deepcopy(dict(prowjob))
        return True

    async def select(
        self, org: str, repo: str, base_ref: str, *, base_sha: str = "", heads: Collection[str] = ()
    ) -> Sequence[dict[str, Any]]:
        def is_chosen(prowjob: Mapping[str, Any]) -> bool:
            refs = prowjob["spec"].get("refs") or {}
            on_branch = (refs.get("org"), refs.get("repo"), refs.get("base_ref")) == (org, repo, base_ref)
            on_heads = any(pull["sha"] in heads for pull in refs.get("pulls") or [])
            return on_branch and ((base_sha != "" and refs.get("base_sha") == base_sha) or on_heads)

        return [copy.deepcopy(prowjob) for prowjob in self.objects.values() if is_chosen(prowjob)]

    async def unfinished(self) -> Sequence[dict[str, Any]]:
        return [copy.deepcopy(prowjob) for prowjob in self.objects.values() if not _completed(prowjob)]

    async def prune(self, before: datetime) -> int:
        old = [
            name
            for name, prowjob in self.objects.items()
            if _completed(prowjob) and datetime.fromisoformat(_completed(prowjob)) < before
        ]
        for name in old:
            del self.objects[name]
        return len(old)


def _completed(prowjob: Mapping[str, Any]) -> str:
    return str(prowjob["status"].get("completionTime") or "")
