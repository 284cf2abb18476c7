"""The errors of `tide`.

::

    TideError
    ├── ConfigError            what an operator wrote cannot be used
    ├── RemoteError            an outside system did not do what was asked
    │   ├── Transient          asking again later may help
    │   │   ├── RateLimited    ... not before `until`
    │   │   └── Unavailable    ... it is down, slow, or out of reach
    │   └── Permanent          asking again will not help (the default)
    │       ├── Unauthorized
    │       │   └── Forbidden  ... it is known who we are, and we may not
    │       ├── NotFound
    │       └── BadAnswer
    ├── StoreError             the database is out of reach or refuses
    │   ├── StoreRefused       ... and will go on refusing until somebody changes something
    │   └── StoreEmptied       ... it has been emptied since we began
    └── LeaseLost              somebody else leads now

What the other side is entitled to refuse (a conflict, a moved head, a rule) is an outcome (`tide.domain.outcomes`),
not an error.
"""

from dataclasses import dataclass
from datetime import datetime


class TideError(Exception):
    """Whatever `tide` raises on purpose; its text is one clear line for people."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in a configuration file.

    `line` counts from 1 and is 0 where no line can be named; `path` is the place inside the document, such as
    `presubmits["org/repo"][3].run_if_changed`.
    """

    file: str
    line: int
    path: str
    message: str

    def __str__(self) -> str:
        """Give `file:line: path: message`, leaving out what is not known."""
        place = f"{self.file}:{self.line}" if self.line else self.file
        return ": ".join(part for part in (place, self.path, self.message) if part)


class ConfigError(TideError):
    """What an operator wrote cannot be used; every problem found is told, not only the first."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


class RemoteError(TideError):
    """An outside system did not do what was asked."""


class Transient(RemoteError):  # noqa: N818 - reads as an adjective where it is caught
    """Asking again later may help."""


class RateLimited(Transient):
    """The other side asks for patience; `until` is an aware datetime."""

    def __init__(self, message: str, until: datetime) -> None:
        super().__init__(message)
        self.until = until


class Unavailable(Transient):
    """The other side is down, slow, or out of reach."""


class Permanent(RemoteError):  # noqa: N818 - see Transient
    """Asking again will not help."""


class Unauthorized(Permanent):
    """The credentials are missing, wrong, or not enough."""


class Forbidden(Unauthorized):
    """It is known who we are, and we may not: who grants it may do so later."""


class NotFound(Permanent):
    """The thing asked for does not exist, or may not be seen."""


class BadAnswer(Permanent):
    """The answer was not what its published description promises."""


class StoreError(TideError):
    """The database is out of reach, refuses, or has a schema that does not fit."""


class StoreRefused(StoreError):  # noqa: N818 - names the event
    """The database does not know us, does not let us in, or is none that this program can work on."""


class StoreEmptied(StoreError):  # noqa: N818 - names the event
    """The database has been emptied since we began: not even its tables are there."""


class Unreadable(StoreError):  # noqa: N818 - says what it is
    """What is stored there is nothing that this program can read."""


class LeaseLost(TideError):  # noqa: N818 - names the event
    """Somebody else leads now."""
