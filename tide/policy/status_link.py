"""Where the status context of a pull request links to."""

from operator import itemgetter
from urllib.parse import parse_qsl, quote_plus, urlencode, urlsplit, urlunsplit

from tide.domain.pulls import Pull
from tide.domain.rules import PoolRules

_APP = "app/"


def status_link(rules: PoolRules, pull: Pull) -> str:
    """Give the address for the status of a pull request, "" if none is configured (Prow: status.go targetURL).

    That is the configured one as it stands, else Prow's page of pull requests, asked for this one alone.
    """
    return rules.target_url or (_with_query(rules.pr_status_base_url, pull) if rules.pr_status_base_url else "")


def _with_query(base_url: str, pull: Pull) -> str:
    try:
        parts = urlsplit(base_url)
    except ValueError:
        return ""
    asked = f"is:pr repo:{pull.key.repository} author:{_author(pull)} head:{pull.head_branch}"
    kept = [(key, value) for key, value in parse_qsl(parts.query, keep_blank_values=True) if key != "query"]
    pairs = sorted([*kept, ("query", asked)], key=itemgetter(0))
    return urlunsplit(parts._replace(query=urlencode(pairs, quote_via=quote_plus, errors="replace")))


def _author(pull: Pull) -> str:
    """Name the author as a search does, where an app has a prefix."""
    if not pull.author_is_bot or pull.author.startswith(_APP):
        return pull.author
    return f"{_APP}{pull.author.removesuffix('[bot]')}"
