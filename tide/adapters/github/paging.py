"""Follow the pages of a list, as long as they lead on."""

from tide.domain.errors import BadAnswer

MOST_PAGES = 1000
"""Far more than any list has that we read: a search ends after 1,000 results, a commit has its contexts by hundreds."""


class Trail:
    """The cursors followed so far: pages that lead back, or on and on, would be read for ever."""

    def __init__(self) -> None:
        self._followed: set[str] = set()

    def follow(self, cursor: str | None) -> str | None:
        """Give the cursor to go on with, None at the end.

        Raises:
            BadAnswer: The page was read before, or there are too many of them.
        """
        if cursor is None:
            return None
        if cursor in self._followed:
            raise BadAnswer("GraphQL: a page leads back to one that was read before")
        if len(self._followed) >= MOST_PAGES:
            raise BadAnswer(f"GraphQL: more than {MOST_PAGES} pages")
        self._followed.add(cursor)
        return cursor
