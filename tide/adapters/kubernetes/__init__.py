"""ProwJobs on Kubernetes (`prow.k8s.io/v1`), through lightkube."""
