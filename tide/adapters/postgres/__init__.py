"""Postgres: what is remembered between syncs."""
