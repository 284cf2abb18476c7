"""The flags of Prow's tide: each is known, under its name, with its default."""

from typing import Any

import click
import pytest

from tide.cli.run import run
from tide.cli.run_flags import IGNORED_FLAGS, parameter_name

# One value of the right kind for every flag that Prow's tide has (Prow: cmd/tide/main.go gatherOptions).
PROWS = {
    "port": "8888",
    "dry-run": "true",
    "run-once": "false",
    "sync-hourly-tokens": "800",
    "status-hourly-tokens": "400",
    "max-records-per-pool": "1000",
    "history-uri": "gs://acme-prow/history.json",
    "status-path": "gs://acme-prow/status",
    "cookiefile": "/etc/cookies",
    "provider": "github",
    "timeout-listing-prowjobs": "30s",
    "config-path": "/etc/config/config.yaml",
    "job-config-path": "/etc/job-config",
    "supplemental-prow-config-dir": "/etc/more",
    "supplemental-prow-configs-filename": "_prowconfig.yaml",
    "supplemental-prow-configs-filename-suffix": "_prowconfig.yaml",
    "in-repo-config-cache-size": "200",
    "cache-dir-base": "/cache",
    "moonraker-address": "http://moonraker",
    "kubeconfig": "/etc/kubeconfig",
    "kubeconfig-dir": "/etc/kubeconfigs",
    "kubeconfig-suffix": ".yaml",
    "projected-token-file": "/var/run/token",
    "no-in-cluster-config": "false",
    "gcs-credentials-file": "/etc/gcs.json",
    "s3-credentials-file": "/etc/s3.json",
    "metrics-port": "9090",
    "pprof-port": "6060",
    "health-port": "8081",
    "profile-memory-usage": "false",
    "memory-profile-interval": "30s",
    "github-host": "github.com",
    "github-endpoint": "http://ghproxy",
    "github-graphql-endpoint": "http://ghproxy/graphql",
    "github-token-path": "/etc/github/oauth",
    "github-app-id": "1",
    "github-app-private-key-path": "/etc/github/key",
    "github-client.request-timeout": "2m0s",
    "github-client.max-retries": "8",
    "github-client.max-404-retries": "2",
    "github-client.backoff-timeout": "2m0s",
    "github-client.initial-delay": "2s",
    "git-signing-key-path": "/etc/key",
    "gerrit-max-qps": "100",
    "gerrit-max-burst": "500",
}
DEFAULTS = {
    "port": 8888,
    "dry_run": True,
    "run_once": False,
    "max_records_per_pool": 1000,
    "history_uri": "",
    "metrics_port": 9090,
    "health_port": 8081,
    "github_endpoint": ("https://api.github.com",),
    "max_retries": 8,
    "supplemental_suffix": "_prowconfig.yaml",
}
# What they are about is here too, by these flags: they must be heeded.
HEEDED = {
    "history-uri",
    "gcs-credentials-file",
    "s3-credentials-file",
    "max-records-per-pool",
    "github-endpoint",
    "github-graphql-endpoint",
    "github-host",
    "github-token-path",
    "github-app-id",
    "github-app-private-key-path",
    "github-client.request-timeout",
    "github-client.max-retries",
    "sync-hourly-tokens",
    "status-hourly-tokens",
}


def given(*arguments: str) -> dict[str, Any]:
    """Parse a command line as `tide run` does."""
    with click.Context(run) as context:
        run.parse_args(context, ["--config-path=config.yaml", *arguments])
        return dict(context.params)


@pytest.mark.parametrize(("flag", "value"), PROWS.items())
def test_every_flag_of_prows_tide_is_taken(flag: str, value: str) -> None:
    given(f"--{flag}={value}")


def test_flags_have_prows_defaults() -> None:
    parsed = given()
    assert {name: parsed[name] for name in DEFAULTS} == DEFAULTS
    assert parsed["request_timeout"].total_seconds() == 120


def test_without_its_flags_calls_have_no_limit_of_ours() -> None:
    parsed = given()
    assert (parsed["sync_hourly_tokens"], parsed["status_hourly_tokens"]) == (0, 0)
    parsed = given("--sync-hourly-tokens=800", "--status-hourly-tokens=400")
    assert (parsed["sync_hourly_tokens"], parsed["status_hourly_tokens"]) == (800, 400)


def test_an_ignored_flag_is_known_and_says_why() -> None:
    assert not HEEDED & IGNORED_FLAGS.keys()
    parsed = given(*(f"--{name}=1" for name in IGNORED_FLAGS))
    assert all(parsed[parameter_name(name)] == ("1",) and why for name, why in IGNORED_FLAGS.items())
