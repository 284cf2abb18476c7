"""Bodies of commit statuses and check runs."""

from datetime import datetime

from tide.sandbox.evidence import CheckOutput
from tide.sandbox.model import CheckConclusion, CheckStatus, StatusState
from tide.sandbox.rest.call import Body

DEFAULT_CONTEXT = "default"


class StatusBody(Body):
    """Body of ``POST /statuses/{sha}``."""

    state: StatusState
    context: str = DEFAULT_CONTEXT
    description: str | None = None
    target_url: str | None = None


class OutputBody(Body):
    """What a check run shows."""

    title: str | None = None
    summary: str | None = None
    text: str | None = None

    def value(self) -> CheckOutput:
        """Return it as the forge takes it."""
        return CheckOutput(title=self.title, summary=self.summary, text=self.text)


class CheckRunBody(Body):
    """Body of ``POST /check-runs``. ``workflow`` is the sandbox's own: at GitHub the token tells whose run it is."""

    workflow: str = ""
    name: str
    head_sha: str
    status: CheckStatus = "queued"
    conclusion: CheckConclusion | None = None
    details_url: str | None = None
    external_id: str = ""
    started_at: datetime | None = None
    output: OutputBody | None = None


class CheckRunPatch(Body):
    """Body of ``PATCH /check-runs/{number}``."""

    status: CheckStatus | None = None
    conclusion: CheckConclusion | None = None
    output: OutputBody | None = None
