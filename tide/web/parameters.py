"""What a request asks for, validated: whatever cannot be meant is a 404 in a path and a 400 in a query string."""

from starlette.exceptions import HTTPException
from starlette.requests import Request

from tide.domain.keys import PoolKey, PullKey
from tide.web.links import pool_key, pull_key

_DEFAULT_LIMIT = 100
_LARGEST_LIMIT = 1000
_LARGEST_ID = 2**63 - 1
_LONGEST_SEARCH = 200


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
    org, _, rest = text.partition("/")
    repo, _, branch = rest.partition(":")
    try:
        return pool_key(org, repo, branch)
    except ValueError:
        raise HTTPException(400, "pool is not of the form org/repo:branch") from None


def limit_of(request: Request, default: int = _DEFAULT_LIMIT) -> int:
    """Give `?limit=`, at most 1000."""
    return min(_positive(request, "limit") or default, _LARGEST_LIMIT)


def cursor_of(request: Request) -> int | None:
    """Give `?cursor=` as an earlier answer's `next` told it."""
    return _positive(request, "cursor")


def search_of(request: Request) -> str:
    """Give `?q=`, cut to a sensible length."""
    return request.query_params.get("q", "").strip()[:_LONGEST_SEARCH]


def _positive(request: Request, name: str) -> int | None:
    text = request.query_params.get(name, "")
    if not text:
        return None
    # The length is looked at first: int() refuses thousands of digits with an error of its own.
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(_LARGEST_ID)) and 0 < int(text) <= _LARGEST_ID):
        raise HTTPException(400, f"{name} is not a positive number")
    return int(text)
