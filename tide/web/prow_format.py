"""Tide's pools as its own JSON, field by field as Go's encoding/json writes Prow's types: Prow's Deck can show them.

A nil slice is `null`, as there; so is a pool without pull requests not listed (Prow: tide.go filterSubpools). Tide's
history is written by `tide.adapters.history.tide_json`.
"""

from collections.abc import Iterable, Sequence

from tide.domain.pulls import Blocker, Pull
from tide.domain.records import TIDE_ACTIONS, PoolView
from tide.golang.json_writer import go_json, go_time

_WAIT = "WAIT"
_ACTIONS = TIDE_ACTIONS | {_WAIT, "BLOCKED"}


def pools_json(pools: Iterable[PoolView]) -> bytes:
    """Write the answer of Tide's `/`: an array of pools (Prow: tide.go Pool)."""
    return b"[" + b",".join(filter(None, map(pool_json, pools))) + b"]"


def pool_json(view: PoolView) -> bytes:
    """Write one pool of that array, b"" where it is none of it."""
    if not (view.passing or view.pending or view.missing):
        return b""
    fields = {
        "Org": go_json(view.pool.org),
        "Repo": go_json(view.pool.repo),
        "Branch": go_json(view.pool.branch),
        "SuccessPRs": _pulls(view.passing),
        "PendingPRs": _pulls(view.pending),
        "MissingPRs": _pulls(view.missing),
        "BatchPending": _pulls(view.batch_pending),
        "Action": go_json(view.action if view.action in _ACTIONS else _WAIT),
        "Target": _pulls(view.target),
        "Blockers": go_json([_blocker(blocker) for blocker in view.blockers] or None),
        "Error": go_json(view.error),
        "TenantIDs": go_json(list(view.tenant_ids)),
    }
    return b"{" + b",".join(go_json(name) + b":" + written for name, written in fields.items()) + b"}"


def _pulls(pulls: Sequence[Pull]) -> bytes:
    """Write pull requests one by one: all in one call would hold up all else for as long as it takes."""
    return b"[" + b",".join(go_json(_pull(pull)) for pull in pulls) + b"]" if pulls else b"null"


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
        "UpdatedAtTime": go_time(pull.updated_at),
        "Mergeable": str(pull.mergeable),
        "CanBeRebased": pull.can_be_rebased,
        "GitHub": None,
        "Gerrit": None,
    }


def _blocker(blocker: Blocker) -> dict[str, object]:
    return {"Number": blocker.number, "Title": blocker.title, "URL": blocker.url}
