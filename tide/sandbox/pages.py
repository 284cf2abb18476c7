"""Plain pages for people who follow a link to the simulated GitHub: a pull request, a branch, a commit."""

from collections.abc import Awaitable, Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from tide.sandbox.git_program import GitFailedError
from tide.sandbox.model import PullRequest, Repository
from tide.sandbox.state import Forge

Page = Callable[[Repository, Request], Awaitable[str]]


def page_routes(forge: Forge) -> list[BaseRoute]:
    """Give the routes that GitHub's own `html_url`s lead to."""

    def route(path: str, page: Page) -> Route:
        async def answer(request: Request) -> Response:
            try:
                repository = forge.repository(f"{request.path_params['owner']}/{request.path_params['repo']}")
                return PlainTextResponse(await page(repository, request))
            except (LookupError, GitFailedError) as error:
                raise HTTPException(404) from error

        return Route(f"/{{owner}}/{{repo}}{path}", answer)

    return [
        route("/pull/{number:int}", _pull),
        route("/commit/{sha}", _commit),
        route("/tree/{branch:path}", _tree),
        route("", _repository),
    ]


async def _pull(repository: Repository, request: Request) -> str:
    pull = repository.pulls[request.path_params["number"]]
    statuses = [
        f"  {status.context}: {status.state} ({status.description or ''})"
        for status in repository.latest_statuses(pull.head_sha)
    ]
    return "\n".join(
        [
            f"{pull.title}  {repository.full_name}#{pull.number}",
            f"{_state(pull)}; {pull.author} wants to merge {pull.head_ref} into {pull.base_ref}",
            f"head: {pull.head_sha}",
            f"labels: {', '.join(pull.labels) or 'none'}",
            "statuses:",
            *(statuses or ["  none"]),
            "",
        ]
    )


def _state(pull: PullRequest) -> str:
    return "merged" if pull.merged else pull.state


async def _commit(repository: Repository, request: Request) -> str:
    commit = await repository.git.commit(request.path_params["sha"])
    parents = " ".join(commit.parents) or "none"
    return f"commit {commit.sha}\ntree {commit.tree}\nparents {parents}\n\n{commit.message}\n"


async def _tree(repository: Repository, request: Request) -> str:
    sha = repository.branches.get(request.path_params["branch"]) or request.path_params["branch"]
    return f"{request.path_params['branch']}\n{await _commit_line(repository, sha)}"


async def _commit_line(repository: Repository, sha: str) -> str:
    commit = await repository.git.commit(sha)
    return f"{commit.sha}  {commit.message.splitlines()[0] if commit.message else ''}\n"


async def _repository(repository: Repository, _request: Request) -> str:
    lines = [f"{name}  {await _commit_line(repository, sha)}" for name, sha in sorted(repository.branches.items())]
    return f"{repository.full_name}\n{''.join(lines)}"
