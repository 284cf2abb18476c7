"""Read GitHub's answers, and say what went wrong as an error of ours."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from tide.domain.errors import BadAnswer, Forbidden, NotFound, RemoteError, Unauthorized, Unavailable

LONGEST_MESSAGE = 300

_UNDECODABLE = "A JSON web token could not be decoded"
_ERRORS: Mapping[int, type[RemoteError]] = {
    HTTPStatus.UNAUTHORIZED: Unauthorized,
    HTTPStatus.FORBIDDEN: Forbidden,
    HTTPStatus.NOT_FOUND: NotFound,
    HTTPStatus.GONE: NotFound,
    HTTPStatus.REQUEST_TIMEOUT: Unavailable,
    HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS: NotFound,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, read to its end.

    `asked` names the request, such as `GET https://api.github.com/meta`; `shown` what was shown with it, in words.
    """

    asked: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    shown: str = "the token"

    def json(self) -> Any:
        """Give the body's value.

        Raises:
            Unavailable: It says that it is JSON but was cut short or garbled on its way.
            BadAnswer: It is something else, such as a proxy's page.
        """
        try:
            return json.loads(self.body)
        except ValueError:
            if "json" in self.headers.get("Content-Type", ""):
                raise Unavailable(f"{self.asked}: the answer was cut short") from None
            raise BadAnswer(f"{self.asked}: the answer is not JSON, so hardly GitHub's") from None

    @property
    def message(self) -> str:
        """GitHub's own words where it gave some, else the status in words; one line."""
        try:
            said = json.loads(self.body)
        except ValueError:
            said = None
        text = said.get("message") if isinstance(said, dict) else None
        errors = said.get("errors") if isinstance(said, dict) else None
        details = [text, *_details(errors)] if isinstance(text, str) and text else [_phrase(self.status)]
        return " ".join(": ".join(map(str, details)).split())[:LONGEST_MESSAGE]


def _details(errors: object) -> list[str]:
    # GitHub docs: Troubleshooting the REST API, "Validation failed": objects with a message, or plain texts.
    entries = errors if isinstance(errors, list) else []
    texts = (entry.get("message") if isinstance(entry, dict) else entry for entry in entries)
    return [text for text in texts if isinstance(text, str) and text]


def _phrase(status: int) -> str:
    try:
        return f"HTTP {status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"HTTP {status}"


def failure(answer: Answer) -> RemoteError | None:
    """Give the error that an answer stands for, None when it is a success; rate limits are not looked at."""
    if answer.status < HTTPStatus.MULTIPLE_CHOICES:
        return None
    if answer.status == HTTPStatus.UNAUTHORIZED:
        wrong = ": the key or the id is not the App's" if answer.message.startswith(_UNDECODABLE) else ""
        return Unauthorized(f"GitHub refuses {answer.shown}: {answer.message}{wrong}")
    kind = _ERRORS.get(answer.status, Unavailable if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR else BadAnswer)
    return kind(f"{answer.asked}: {answer.message}{missing(answer)}")


def missing(answer: Answer) -> str:
    """Say what would have been let in, "" where GitHub does not tell.

    GitHub docs: Scopes for OAuth apps; Troubleshooting the REST API, "Resource not accessible"; Prow: github/client.go.
    """
    if answer.status != HTTPStatus.FORBIDDEN:
        return ""
    if permissions := answer.headers.get("X-Accepted-GitHub-Permissions"):
        return f" ({answer.shown} needs the permissions {permissions})"
    wanted = _words(answer.headers.get("X-Accepted-OAuth-Scopes", ""))
    had = _words(answer.headers.get("X-OAuth-Scopes", ""))
    if not wanted or set(wanted) & set(had):
        return ""
    return f" ({answer.shown} has the scopes {', '.join(had) or 'none'}; it needs one of {', '.join(wanted)})"


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def path(*segments: str | int, slash: str = "/") -> str:
    """Join the parts of an address, each quoted.

    Args:
        segments: The parts.
        slash: What becomes of a slash in the last one (a branch's name): some addresses take it as it is.

    Raises:
        NotFound: A part is `.` or `..`, which a client would resolve to another address.
    """
    parts = list(map(str, segments))
    if any(part in {"", ".", ".."} for segment in parts for part in segment.split("/")):
        raise NotFound(f"there is no {'/'.join(parts)}")
    last = quote(parts[-1], safe="/").replace("/", slash)
    return "/" + "/".join([*(quote(part, safe="") for part in parts[:-1]), last])
