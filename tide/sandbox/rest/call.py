"""What an endpoint gets and gives: a call, an answer, GitHub's errors, pages."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, ValidationError

from tide.sandbox.registry import NoSuchRepositoryError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from starlette.requests import Request

    from tide.sandbox.apps import Apps
    from tide.sandbox.model import Issue, PullRequest, Repository
    from tide.sandbox.rate_limits import RateLimits
    from tide.sandbox.state import Forge
    from tide.sandbox.tokens import Caller

DOCUMENTATION = "https://docs.github.com/rest"
PER_PAGE = 30
MAX_PER_PAGE = 100


class RestError(Exception):
    """An answer with GitHub's error body.

    Args:
        status: the HTTP status.
        message: GitHub's text.
        errors: entries of a 422: ``{"resource", "code", "field"}`` or plain texts.
        headers: extra headers, such as ``Retry-After``.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        errors: Sequence[Any] | None = None,
        headers: Mapping[str, str] | None = None,
        documentation_url: str = DOCUMENTATION,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})
        self.body: dict[str, Any] = {"message": message}
        if errors is not None:
            self.body["errors"] = list(errors)
        self.body["documentation_url"] = documentation_url
        self.body["status"] = str(status)


def not_found() -> RestError:
    """Return the 404 that also hides what the caller may not see."""
    return RestError(404, "Not Found")


def invalid(resource: str, *, field: str | None = None, code: str = "invalid", message: str | None = None) -> RestError:
    """Return a 422 "Validation Failed" with one error."""
    error = {"resource": resource, "code": code, "field": field, "message": message}
    kept = {name: value for name, value in error.items() if value is not None}
    return RestError(422, "Validation Failed", errors=[kept])


@dataclass(frozen=True)
class Answer:
    """What an endpoint gives back; ``payload`` None is an empty body."""

    payload: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


class Body(BaseModel):
    """A request body; fields that the sandbox has no use for are accepted."""

    model_config = ConfigDict(extra="ignore", frozen=True)


BodyT = TypeVar("BodyT", bound=BaseModel)


@dataclass(eq=False)
class Call:
    """One request to an endpoint."""

    request: Request
    forge: Forge
    caller: Caller
    limits: RateLimits
    raw: bytes
    apps: Apps | None = None

    @property
    def login(self) -> str:
        """Whom the request speaks for."""
        return self.caller.login

    @property
    def base(self) -> str:
        """The server's address without a slash at the end."""
        return str(self.request.base_url).rstrip("/")

    def path(self, name: str) -> str:
        """Return a part of the path."""
        return str(self.request.path_params[name])

    def query(self, name: str, default: str = "") -> str:
        """Return a query parameter."""
        return self.request.query_params.get(name, default)

    @cached_property
    def repository(self) -> Repository:
        """The repository of the path."""
        try:
            found = self.forge.repository(f"{self.path('owner')}/{self.path('repo')}")
        except NoSuchRepositoryError as error:
            raise not_found() from error
        if not self.caller.sees(found):
            raise not_found()
        return found

    @property
    def pull(self) -> PullRequest:
        """The pull request of the path."""
        found = self.repository.pulls.get(self._number())
        if found is None:
            raise not_found()
        return found

    @property
    def issue(self) -> Issue:
        """The issue or pull request of the path."""
        found = self.repository.issue_or_pull(self._number())
        if found is None:
            raise not_found()
        return found

    def _number(self) -> int:
        number = self.path("number")
        # `isdigit` takes other scripts' digits too, which GitHub does not.
        if not (number.isascii() and number.isdigit()):
            raise not_found()
        return int(number)

    def body(self, model: type[BodyT]) -> BodyT:
        """Return the JSON body as a model.

        Raises:
            RestError: 400 for what is no JSON object, 422 for one that lacks or misstates fields.
        """
        try:
            parsed = json.loads(self.raw or b"{}")
            if b"\\ud" in self.raw.lower():
                json.dumps(parsed, ensure_ascii=False).encode()  # half of a UTF-16 pair is no character
        except ValueError as error:
            raise RestError(400, "Problems parsing JSON") from error
        if not isinstance(parsed, dict):
            raise RestError(400, "Body should be a JSON object")
        try:
            return model.model_validate(parsed)
        except ValidationError as error:
            raise RestError(422, _complaint(error)) from error

    def page(self, items: Sequence[Any], show: Callable[[Any], Any]) -> Answer:
        """Return one page of a list, rendered by ``show``, with GitHub's ``Link`` header."""
        chosen, headers = self.slice(items)
        return Answer([show(item) for item in chosen], headers=headers)

    def slice(self, items: Sequence[Any]) -> tuple[Sequence[Any], dict[str, str]]:
        """Return the items of the page asked for, and its ``Link`` header."""
        size = min(max(1, _number(self.query("per_page"), PER_PAGE)), MAX_PER_PAGE)
        number = max(1, _number(self.query("page"), 1))
        last = max(1, -(-len(items) // size))
        numbers: dict[str, int] = {}
        if number > 1:
            numbers |= {"prev": min(number - 1, last), "first": 1}
        if number < last:
            numbers = {"next": number + 1, "last": last, **numbers}
        links = ", ".join(f'<{self._page_url(page)}>; rel="{name}"' for name, page in numbers.items())
        return items[(number - 1) * size : number * size], {"Link": links} if links else {}

    def _page_url(self, page: int) -> str:
        query = {**self.request.query_params, "page": str(page)}
        return f"{self.base}{self.request.url.path}?{urlencode(query)}"


def _number(text: str, default: int) -> int:
    return int(text) if text.isascii() and text.isdigit() else default


def _complaint(error: ValidationError) -> str:
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    if first["type"] == "missing":
        return f'Invalid request.\n\n"{name}" wasn\'t supplied.'
    given = json.dumps(first.get("input"), default=str)
    return f"Invalid request.\n\nFor '{name}', {given} is not valid: {first['msg']}"
