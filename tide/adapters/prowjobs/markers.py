"""The labels and annotations of ProwJobs (Prow: pkg/kube/prowjob.go), and those of our own."""

import re
from collections.abc import Mapping

CREATED_BY_PROW = "created-by-prow"
CREATED_BY_TIDE = "created-by-tide"
TYPE = "prow.k8s.io/type"
JOB = "prow.k8s.io/job"
CONTEXT = "prow.k8s.io/context"
ORG = "prow.k8s.io/refs.org"
REPO = "prow.k8s.io/refs.repo"
BASE_REF = "prow.k8s.io/refs.base_ref"
PULL = "prow.k8s.io/refs.pull"

PURPOSE = "merge-queue.tide/purpose"
"""Label: why we started it. First runs have it and not `created-by-tide`, lest they be taken for Tide's retests."""
JOB_DIGEST = "merge-queue.tide/job-digest"
RUN_TREE = "merge-queue.tide/run-tree"
ATTEMPT = "merge-queue.tide/attempt"

_LONGEST_VALUE = 63
_VALUE = re.compile(r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?)?")


def shortened(value: str) -> str:
    """Cut what is too long for a label (Prow: decorate/podspec.go LabelsAndAnnotationsForSpec)."""
    return value if len(value) <= _LONGEST_VALUE else value[:_LONGEST_VALUE].rstrip("._-")


def usable_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """Give the labels that Kubernetes accepts.

    A value that it would refuse is replaced by its last path segment, or the label is left out (Prow: as above).
    """
    candidates = {name: value if _is_usable(value) else _last_segment(value) for name, value in labels.items()}
    return {name: value for name, value in candidates.items() if _is_usable(value)}


def _is_usable(value: str) -> bool:
    return len(value) <= _LONGEST_VALUE and bool(_VALUE.fullmatch(value))


def _last_segment(value: str) -> str:
    # Go's filepath.Base gives "/" for nothing but slashes; either way no label comes of it.
    return value.rstrip("/").rpartition("/")[2] or "/"
