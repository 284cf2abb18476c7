"""Tide's own JSON, field by field as Go's encoding/json writes Prow's types, so that Prow's Deck can show it.

A nil slice is `null`, as there; so is a pool without pull requests not listed (Prow: tide.go filterSubpools), nor an
action recorded that Tide has no word for.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from tide.domain.pulls import Blocker, Pull
from tide.domain.records import HistoryRecord, HistoryTarget, PoolView

_WAIT = "WAIT"
_ACTIONS = frozenset({_WAIT, "TRIGGER", "TRIGGER_BATCH", "MERGE", "MERGE_BATCH", "BLOCKED"})
_RECORDED = _ACTIONS - {_WAIT, "BLOCKED"}
_ESCAPES = str.maketrans({c: f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"})


def pools_json(pools: Iterable[PoolView]) -> bytes:
    """Write the answer of Tide's `/`: an array of pools (Prow: tide.go Pool)."""
    return _go_json([_pool(view) for view in pools if view.passing or view.pending or view.missing])


def history_json(records: Iterable[HistoryRecord]) -> bytes:
    """Write the answer of Tide's `/history`: pool to records, newest first (Prow: history.go Record)."""
    by_pool: dict[str, list[dict[str, object]]] = {}
    for record in sorted(records, key=lambda record: record.time, reverse=True):
        if record.action in _RECORDED:
            by_pool.setdefault(str(record.pool), []).append(_record(record))
    return _go_json(dict(sorted(by_pool.items())))


def _pool(view: PoolView) -> dict[str, object]:
    return {
        "Org": view.pool.org,
        "Repo": view.pool.repo,
        "Branch": view.pool.branch,
        "SuccessPRs": _pulls(view.passing),
        "PendingPRs": _pulls(view.pending),
        "MissingPRs": _pulls(view.missing),
        "BatchPending": _pulls(view.batch_pending),
        "Action": view.action if view.action in _ACTIONS else _WAIT,
        "Target": _pulls(view.target),
        "Blockers": [_blocker(blocker) for blocker in view.blockers] or None,
        "Error": view.error,
        "TenantIDs": list(view.tenant_ids),
    }


def _pulls(pulls: Sequence[Pull]) -> list[dict[str, object]] | None:
    return [_pull(pull) for pull in pulls] or None


def _pull(pull: Pull) -> dict[str, object]:
    return {
        "NameWithOwner": str(pull.key.repository),
        "Number": pull.number,
        "Org": pull.key.org,
        "Repo": pull.key.repo,
        "BaseRefPrefix": "refs/heads/",
        "BaseRefName": pull.base_branch,
        "HeadRefName": pull.head_branch,
        "HeadRefOID": pull.head_sha,
        "Title": pull.title,
        "Body": pull.body,
        "AuthorLogin": pull.author,
        "UpdatedAtTime": _go_time(pull.updated_at),
        "Mergeable": str(pull.mergeable),
        "CanBeRebased": pull.can_be_rebased,
        "GitHub": None,
        "Gerrit": None,
    }


def _blocker(blocker: Blocker) -> dict[str, object]:
    return {"Number": blocker.number, "Title": blocker.title, "URL": blocker.url}


def _record(record: HistoryRecord) -> dict[str, object]:
    targets = [_target(target) for target in sorted(record.targets, key=lambda target: target.number)]
    fields: dict[str, object] = {
        "time": _go_time(record.time),
        "action": record.action,
        "baseSHA": record.base_sha,
        "target": targets,
        "err": record.error,
    }
    return {name: value for name, value in fields.items() if value} | {"tenantids": list(record.tenant_ids)}


def _target(target: HistoryTarget) -> dict[str, object]:
    always: dict[str, object] = {"number": target.number, "author": target.author, "sha": target.sha}
    if_any = {"title": target.title, "head_ref": target.head_branch}
    return always | {name: value for name, value in if_any.items() if value}


def _go_time(moment: datetime) -> str:
    """Write a time as Go's RFC3339Nano does: UTC as Z, no zeros at the end of the fraction."""
    text = moment.astimezone(UTC).replace(tzinfo=None).isoformat()
    return (text.rstrip("0").rstrip(".") if "." in text else text) + "Z"


def _go_json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).translate(_ESCAPES).encode()
