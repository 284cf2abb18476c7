"""ProwJob objects (`prow.k8s.io/v1`), as Prow and `tide` write and read them."""
