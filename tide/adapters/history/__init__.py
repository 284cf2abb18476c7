"""Tide's history file: in a local file, or in a bucket of GCS or S3 with the extra `buckets`."""
