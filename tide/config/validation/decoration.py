"""Rules for decorated jobs (Prow: DecorationConfig.Validate, UtilityConfig.Validate).

Prow refuses a configuration by these. Here they are warnings, as a job may also run where no cluster is, with nothing
but a time-out in its decoration config.
"""

from collections.abc import Iterator, Mapping

from tide.config.completion import Definition
from tide.config.problems import Findings, Sourced
from tide.config.prow.jobs import Job

_IMAGES = ("clonerefs", "initupload", "entrypoint", "sidecar")
_STRATEGIES = ("legacy", "explicit", "single")
_WEB = ("http://", "https://")


def check_decoration(job: Sourced[Job], definition: Definition, findings: Findings) -> None:
    """Warn of what keeps a decorated job from running in a cluster."""
    decoration = definition["decoration_config"]
    for fault in (*_faults(decoration), *_clone_faults(job.value, decoration)):
        findings.warn(job, f"Prow refuses its decoration: {fault}", "decoration_config")


def _faults(decoration: Mapping[str, object]) -> Iterator[str]:
    images = decoration.get("utility_images")
    absent = [name for name in _IMAGES if not (isinstance(images, Mapping) and images.get(name))]
    if absent:
        yield f"utility_images has no {', '.join(absent)}; set them here or in plank's default decoration"
    storage = decoration.get("gcs_configuration")
    if isinstance(storage, Mapping):
        yield from _storage_faults(storage)
    else:
        yield "there is no gcs_configuration; set it here or in plank's default decoration"
    if decoration.get("oauth_token_secret") is not None and decoration.get("ssh_key_secrets"):
        yield "oauth_token_secret and ssh_key_secrets exclude each other; keep one"


def _storage_faults(storage: Mapping[str, object]) -> Iterator[str]:
    strategy = storage.get("path_strategy")
    if strategy not in _STRATEGIES:
        yield f"gcs_configuration.path_strategy must be {', '.join(_STRATEGIES[:-1])} or {_STRATEGIES[-1]}"
    elif strategy != "explicit" and not (storage.get("default_org") and storage.get("default_repo")):
        yield f"gcs_configuration needs default_org and default_repo with path_strategy {strategy}"


def _clone_faults(job: Job, decoration: Mapping[str, object]) -> Iterator[str]:
    if decoration.get("oauth_token_secret") is None or not job.clone_uri:
        return
    for address in (job.clone_uri, *(ref.clone_uri for ref in job.extra_refs)):
        if address and not address.startswith(_WEB):
            yield f"clone_uri {address!r} must be of http or https beside an oauth_token_secret"
