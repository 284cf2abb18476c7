"""Errors as answers: a page for people, JSON for programs, and never what a request said."""

from collections.abc import Mapping
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ExceptionHandler

from tide.domain.errors import StoreError
from tide.web.contact import NothingKnownError
from tide.web.negotiation import prefers_html
from tide.web.pages import Pages

_RETRY_AFTER = "10"  # seconds
_MEANINGS = {
    404: "There is nothing at this address.",
    405: "This address cannot be asked in this way.",
    500: "Something went wrong here. The log of tide says what.",
    503: (
        "The database does not answer. Nothing of this is kept elsewhere, and nothing is tested or merged until it "
        "answers; tide goes on by itself then. Try again in a moment; the log of tide says what the database said."
    ),
}
_STARTING = (
    "Nothing is known yet. tide has just begun, and has not looked at everything once; what it finds appears here by "
    "itself."
)


class Problems:
    """Turns exceptions into answers."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def handlers(self) -> Mapping[type[Exception] | int, ExceptionHandler]:
        """Give what Starlette takes as `exception_handlers`."""
        return {
            HTTPException: self.refused,
            StoreError: self.store_failed,
            NothingKnownError: self.nothing_known,
            Exception: self.failed,
        }

    async def refused(self, request: Request, error: Exception) -> Response:
        """Answer what a route refused; its own text is only ever ours."""
        if not isinstance(error, HTTPException):
            return await self.failed(request, error)
        is_default = error.detail == HTTPStatus(error.status_code).phrase
        message = _MEANINGS.get(error.status_code, error.detail) if is_default else error.detail
        return self._answer(request, error.status_code, message, error.headers)

    async def store_failed(self, request: Request, error: Exception) -> Response:
        """Answer that the store could not be read."""
        if self._pages.is_starting():
            return await self.nothing_known(request, error)
        return self._answer(request, 503, _MEANINGS[503], {"retry-after": _RETRY_AFTER})

    async def nothing_known(self, request: Request, _error: Exception) -> Response:
        """Answer that nobody has looked at everything yet."""
        return self._answer(request, 503, _STARTING, {"retry-after": _RETRY_AFTER}, title="Starting")

    async def failed(self, request: Request, _error: Exception) -> Response:
        """Answer that we failed, and say no more."""
        return self._answer(request, 500, _MEANINGS[500])

    def _answer(
        self, request: Request, code: int, message: str, headers: Mapping[str, str] | None = None, title: str = ""
    ) -> Response:
        if prefers_html(request.headers.get("accept", "")):
            response = self._pages.problem(code, title or HTTPStatus(code).phrase, message)
        else:
            response = JSONResponse({"error": message}, code)
        response.headers.update({"vary": "Accept", **(headers or {})})
        return response
