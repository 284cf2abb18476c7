"""What GitHub does although its description does not say so, each with where it is known from."""

_BAD_CREDENTIALS = "docs.github.com/rest/authentication/authenticating-to-the-rest-api, Failed login limit"
_VALIDATION = "docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api, Validation Failed"
_NOT_FOUND = "docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api, 404 Not Found"
_RATE_LIMIT = "docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api"

UNDESCRIBED_ANSWERS: dict[tuple[str, str, int], str] = {
    ("POST", "/repos/{owner}/{repo}/statuses/{sha}", 422): (
        "docs.github.com/rest/commits/statuses: at most 1000 statuses per sha and context; Prow: report.go"
    ),
    ("GET", "/repos/{owner}/{repo}/git/ref/{ref}", 401): _BAD_CREDENTIALS,
    ("GET", "/repos/{owner}/{repo}/pulls/{pull_number}/reviews", 404): _NOT_FOUND,
    ("POST", "/repos/{owner}/{repo}/check-runs", 422): _VALIDATION,
    ("GET", "/repos/{owner}/{repo}/commits/{ref}/status", 422): _VALIDATION,
    ("GET", "/repos/{owner}/{repo}/git/ref/{ref}", 403): _RATE_LIMIT,
    ("POST", "/repos/{owner}/{repo}/issues/{issue_number}/comments", 401): _BAD_CREDENTIALS,
}

FLAWED_SCHEMAS: dict[tuple[str, str, int], tuple[str, str]] = {
    ("GET", "/app/installations", 200): (
        r"\$\[\d+\]\.account: ",
        "wants an account to be a user and an enterprise at once",
    ),
}
"""Where the description cannot be met by anything: a pattern of the complaints, and what is wrong with it."""
