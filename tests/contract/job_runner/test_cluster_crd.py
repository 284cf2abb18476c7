"""Every object of the simulated cluster is one that Prow's own definition of the type accepts, at any time."""

from pathlib import Path
from typing import Any

import pytest

from tests.contract.job_runner import definition
from tests.integration.sandbox.prow import presubmit, prow

pytestmark = pytest.mark.skipif(not definition.PATH.exists(), reason="Prow's CRD is not at hand")


async def test_objects_fit_from_the_trigger_to_the_last_report(tmp_path: Path) -> None:
    seen: list[Any] = []
    job = presubmit("unit", definition={"max_concurrency": 2, "decoration_config": {"timeout": "1h0m0s"}})
    async with prow(tmp_path, (job,), pages="http://localhost/jobs") as here:
        here.objects.subscribe(lambda _kind, prowjob: seen.append(prowjob))
        pull = await here.pull("one")
        await here.until(lambda: here.prowjobs(state="pending"))
        await here.push("one", {"parts/one.part": "breaks unit\n"})
        await here.until(lambda: ("unit", "pending") in here.statuses(pull.head_sha))
        here.time.forward(10)
        await here.until(lambda: ("unit", "failure") in here.statuses(pull.head_sha))
    assert {prowjob["status"]["state"] for prowjob in seen} == {"triggered", "pending", "aborted", "failure"}
    judge = definition.validator()
    assert [fault for prowjob in seen for fault in definition.faults(judge, prowjob)] == []
