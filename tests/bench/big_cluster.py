"""A simulated API server with 50,000 ProwJobs, of which 500 are those of one pool, served by a process of its own.

`python -m tests.bench.big_cluster DIRECTORY` prints the path of a kubeconfig as one line and serves until its input
ends; for every line of input all runs of the pool change their state. An object has the size of a decorated job's.
"""

import asyncio
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.builders import NOW, POOL, make_job, sha
from tests.kubernetes_api import serving_api
from tide.adapters.clock import SystemClock
from tide.adapters.prowjobs.writing import ProwSettings, build
from tide.domain.runs import Candidate, Head, Purpose
from tide.sandbox.kubernetes.api import KubernetesApi
from tide.sandbox.kubernetes.kubeconfig import write_kubeconfig

NAMESPACE = "prow-jobs"
OURS, OTHERS, PERIODICS = 500, 29_500, 20_000
PROWJOBS = OURS + OTHERS + PERIODICS
REPOS = 200

_DEFINITION: dict[str, Any] = {
    "agent": "kubernetes",
    "cluster": "default",
    "namespace": "test-pods",
    "decoration_config": {
        "timeout": "2h0m0s",
        "grace_period": "15m0s",
        "utility_images": {name: f"gcr.io/k8s-prow/{name}:v20260101-0123456789" for name in ("clonerefs", "sidecar")},
        "gcs_configuration": {"bucket": "acme-results", "path_strategy": "explicit"},
    },
    "spec": {
        "containers": [
            {
                "name": "",
                "image": "golang:1.26",
                "command": ["runner.sh"],
                "args": ["bash", "-c", "make test && make verify"],
                "env": [{"name": f"SETTING_{number}", "value": f"value of setting {number}"} for number in range(20)],
                "volumeMounts": [{"name": f"volume-{number}", "mountPath": f"/mnt/{number}"} for number in range(6)],
                "resources": {"requests": {"cpu": "4", "memory": "8Gi"}, "limits": {"cpu": "4", "memory": "8Gi"}},
            }
        ],
        "volumes": [{"name": f"volume-{number}", "secret": {"secretName": f"secret-{number}"}} for number in range(6)],
    },
}
# A real server notes for each field who wrote it; that doubles an object.
_FIELDS: dict[str, Any] = {f"f:field-{number}": {f"f:part-{part}": {} for part in range(8)} for number in range(16)}


async def serve(directory: Path) -> None:
    """Fill the cluster and serve it until the standard input ends."""
    clock = SystemClock()
    api = KubernetesApi(clock.now, namespaces=[NAMESPACE])
    ours = [_add(api, number, "acme", "rocket") for number in range(1, OURS + 1)]
    for number in range(OTHERS):
        _add(api, number, "umbrella", f"part-{number % REPOS}")
    for number in range(PERIODICS):
        _add(api, number, "umbrella", "periodic", kind="periodic")
    async with serving_api(api, now=clock.now) as served:
        write_kubeconfig(directory / "kubeconfig", served.url, "token", NAMESPACE)
        print(directory / "kubeconfig", flush=True)
        while await asyncio.to_thread(sys.stdin.readline):
            for name in ours:
                content = api.prowjobs.get(NAMESPACE, name)
                content["status"]["state"] = "pending"
                api.prowjobs.replace(content)


def _add(api: KubernetesApi, number: int, org: str, repo: str, kind: str = "presubmit") -> str:
    pool = replace(POOL, org=org, repo=repo)
    candidate = Candidate(pool, sha("base"), (Head(number, sha(number), "alice", f"Change {number}", "change"),))
    made = build(candidate, make_job(definition=_DEFINITION), Purpose.RETEST, 1, NOW, ProwSettings(NAMESPACE))
    made["metadata"]["labels"]["prow.k8s.io/type"] = made["spec"]["type"] = kind
    made["metadata"]["managedFields"] = [{"manager": "tide", "operation": "Update", "fieldsV1": _FIELDS}]
    api.prowjobs.create(made)
    return str(made["metadata"]["name"])


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
