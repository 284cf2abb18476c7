"""What a request asks for, validated: whatever cannot be meant is a 404 in a path and a 400 in a query string."""

from starlette.exceptions import HTTPException
from starlette.requests import Request

from tide.domain.keys import PoolKey, PullKey, RepoKey
from tide.domain.records import HISTORY_ACTIONS, HistoryFilter, HistoryMark
from tide.web.cursors import history_mark
from tide.web.links import pool_key, pool_named, pull_key

_DEFAULT_LIMIT = 100
_LARGEST_LIMIT = 1000
_LARGEST_ID = 2**63 - 1
_LONGEST_SEARCH = 200
_FILTERS = ("repo", "branch", "pull", "author", "action", "state")


def pool_in_path(request: Request) -> PoolKey:
    """Give the pool that the path names."""
    parts = request.path_params
    try:
        return pool_key(parts["org"], parts["repo"], parts["branch"])
    except ValueError:
        raise HTTPException(404, "no such pool") from None


def pull_in_path(request: Request) -> PullKey:
    """Give the pull request that the path names."""
    parts = request.path_params
    try:
        return pull_key(parts["org"], parts["repo"], parts["number"])
    except ValueError:
        raise HTTPException(404, "no such pull request") from None


def pool_of(request: Request) -> PoolKey | None:
    """Give the pool of `?pool=org/repo:branch`, None when there is none."""
    text = request.query_params.get("pool", "")
    if not text:
        return None
    try:
        return pool_named(text)
    except ValueError:
        raise HTTPException(400, "pool is not of the form org/repo:branch") from None


def limit_of(request: Request, default: int = _DEFAULT_LIMIT) -> int:
    """Give `?limit=`, at most 1000."""
    return min(_positive(request, "limit") or default, _LARGEST_LIMIT)


def cursor_of(request: Request) -> int | None:
    """Give `?cursor=` as an earlier answer's `next` told it."""
    return _positive(request, "cursor")


def history_cursor_of(request: Request) -> HistoryMark | None:
    """Give `?cursor=` of a history as an earlier answer's `next` told it."""
    text = request.query_params.get("cursor", "")
    try:
        return history_mark(text) if text else None
    except ValueError:
        raise HTTPException(400, "cursor is none that an earlier answer has told") from None


def history_filter_of(request: Request) -> HistoryFilter:
    """Give what `?repo=org/repo`, branch, pull, author, action and state (success, failure) leave, or `?pool=`."""
    pool = pool_of(request)
    return HistoryFilter(
        repo=pool.repository if pool else _repo_of(request),
        branch=pool.branch if pool else _name_of(request, "branch"),
        pull=_positive(request, "pull"),
        author=_name_of(request, "author"),
        action=_action_of(request),
        has_failed=_failed_of(request),
    )


def filled_in(request: Request, wanted: HistoryFilter | None) -> dict[str, str]:
    """Give what the form of the filters shows: what was asked for, as it was written, right or wrong."""
    asked = {name: request.query_params.get(name, "").strip()[:_LONGEST_SEARCH] for name in _FILTERS}
    if wanted and wanted.repo:
        asked |= {"repo": str(wanted.repo), "branch": wanted.branch or ""}
    if wanted and wanted.action:
        asked["action"] = wanted.action
    return asked


def search_of(request: Request) -> str:
    """Give `?q=`, cut to a sensible length."""
    return request.query_params.get("q", "").strip()[:_LONGEST_SEARCH]


def _name_of(request: Request, name: str) -> str | None:
    text = request.query_params.get(name, "").strip()
    if not text.isprintable():
        raise HTTPException(400, f"{name} holds what no name does")
    return text or None


def _repo_of(request: Request) -> RepoKey | None:
    text = _name_of(request, "repo")
    try:
        return RepoKey.parse(text) if text else None
    except ValueError:
        raise HTTPException(400, "repo is not of the form org/repo") from None


def _action_of(request: Request) -> str | None:
    text = _name_of(request, "action")
    if text is not None and text.upper() not in HISTORY_ACTIONS:
        raise HTTPException(400, f"action is none of {', '.join(sorted(HISTORY_ACTIONS))}")
    return text.upper() if text else None


def _failed_of(request: Request) -> bool | None:
    text = _name_of(request, "state")
    if text not in {None, "success", "failure"}:
        raise HTTPException(400, "state is neither success nor failure")
    return None if text is None else text == "failure"


def _positive(request: Request, name: str) -> int | None:
    text = request.query_params.get(name, "")
    if not text:
        return None
    # The length is looked at first: int() refuses thousands of digits with an error of its own.
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(_LARGEST_ID)) and 0 < int(text) <= _LARGEST_ID):
        raise HTTPException(400, f"{name} is not a positive number")
    return int(text)
