"""How long GitHub lets texts be. It takes any character, NUL included, and counts characters, not bytes."""

from __future__ import annotations

from tide.sandbox.rest.call import RestError, invalid

TITLE_LIMIT = 256
BODY_LIMIT = 65_536


def check_texts(title: str | None, body: str | None) -> None:
    """Raise GitHub's 422 for a title or body of an issue or a pull request that is too long.

    Texts: googleapis/repo-automation-bots#1895 (of a pull request), projectdiscovery/nuclei#634.
    """
    for field, text, limit in (("title", title, TITLE_LIMIT), ("body", body, BODY_LIMIT)):
        if text is not None and len(text) > limit:
            raise invalid(
                "Issue", field=field, code="custom", message=f"{field} is too long (maximum is {limit} characters)"
            )


def check_comment(body: str) -> None:
    """Raise GitHub's 422 for a comment that is too long (dead-claudia/github-limits#13)."""
    if len(body) > BODY_LIMIT:
        message = f"Body is too long (maximum is {BODY_LIMIT} characters)"
        error = {"resource": "IssueComment", "code": "unprocessable", "field": "data", "message": message}
        raise RestError(422, "Validation Failed", errors=[error])
