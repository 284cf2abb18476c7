"""Counts what happened, for Prometheus."""
