"""The flags of `tide run`: Prow's names and meaning, and our own."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from tide.cli.addresses import HttpAddress
from tide.cli.config_flags import CONFIG_FLAGS
from tide.cli.database import database_flags
from tide.cli.go_flags import GoDuration, switch
from tide.cli.sizes import Size

F = TypeVar("F", bound=Callable[..., Any])

_APP_ID = re.compile(r"[0-9]+|Iv[0-9A-Za-z.]+")  # GitHub docs: Generating a JSON Web Token (JWT) for a GitHub App
_FILE = click.Path(path_type=Path)

PROWJOB_BACKENDS = ("kubernetes", "local")

# Flags of Prow's tide that are taken and change nothing here; a word on each is what the log says.
IGNORED_FLAGS = {
    "status-path": "what the status controller has seen is kept in the database",
    "cookiefile": "Gerrit is not served",
    "gerrit-max-qps": "Gerrit is not served",
    "gerrit-max-burst": "Gerrit is not served",
    "timeout-listing-prowjobs": "ProwJobs are not listed before the first round",
    "in-repo-config-cache-size": "the cache needs no size",
    "cache-dir-base": "git copies lie under --data-dir",
    "moonraker-address": "the configuration is read here",
    "pprof-port": "there is no Go to profile",
    "profile-memory-usage": "there is no Go to profile",
    "memory-profile-interval": "there is no Go to profile",
    "github-hourly-tokens": "GitHub's own rate-limit headers are obeyed",
    "github-allowed-burst": "GitHub's own rate-limit headers are obeyed",
    "github-throttle-org": "GitHub's own rate-limit headers are obeyed",
    "github-client.max-404-retries": "a 404 is an answer",
    "github-client.backoff-timeout": "waits are bounded by --github-client.request-timeout",
    "github-client.initial-delay": "waits are chosen with jitter",
    "git-signing-key-path": "GitHub makes the commits",
    "tenant-ids": "every tenant is shown",
    "show-hidden": "every repository is shown",
}


def parameter_name(flag: str) -> str:
    """Give the name by which a command gets a flag; click finds none by itself where there is a dot."""
    return flag.replace("-", "_").replace(".", "_")


def run_flags(command: F) -> F:
    """Add every flag of `tide run`, in the order of the help text."""
    for name in reversed(IGNORED_FLAGS):
        command = click.option(
            f"--{name}", parameter_name(name), multiple=True, is_flag=False, flag_value="true", hidden=True
        )(command)
    for option in reversed((*CONFIG_FLAGS, *_BEHAVIOUR, *_GITHUB, *_JOBS, *_SERVING)):
        command = option(command)
    return database_flags(command)


def _app_id(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    if value and not _APP_ID.fullmatch(value):
        raise click.BadParameter(f"{value!r} is neither the number nor the client id (Iv…) of a GitHub App")
    return value


_BEHAVIOUR = (
    switch("--dry-run", default=True, help="Decide and show, but change nothing outside."),
    switch("--run-once", default=False, help="Sync once and exit."),
    click.option(
        "--max-records-per-pool",
        type=click.IntRange(1),
        default=1000,
        show_default=True,
        help="How much history is shown, and kept in --history-uri, per pool.",
    ),
    click.option(
        "--history-uri",
        default="",
        help="A file, gs://BUCKET/FILE or s3://BUCKET/FILE from which history is taken over, and where it is written "
        "as Tide does; the buckets need the extra `buckets`.",
    ),
    click.option(
        "--gcs-credentials-file", type=_FILE, help="Google's credentials for gs://, unless the machine has its own."
    ),
    click.option(
        "--s3-credentials-file",
        type=_FILE,
        help="Prow's JSON with region, endpoint, access_key and secret_key for s3://, unless the machine has its own.",
    ),
    switch("--search-per-repository", default=False, help="Send one search per repository, not one per query."),
    click.option("--provider", type=click.Choice(("github", "gerrit")), default="github", hidden=True),
    click.option(
        "--log-format",
        type=click.Choice(("json", "console")),
        default="json",
        show_default=True,
        help="How the log is written to standard error: for programs or for people.",
    ),
    click.option(
        "--log-level",
        type=click.Choice(("debug", "info", "warning", "error")),
        default="info",
        show_default=True,
        help="The least that is logged.",
    ),
)

_GITHUB = (
    click.option(
        "--github-endpoint",
        type=HttpAddress(),
        multiple=True,
        default=("https://api.github.com",),
        show_default=True,
        help="GitHub's REST API, or a caching proxy in front of it; the first that answers is used.",
    ),
    click.option(
        "--github-graphql-endpoint",
        type=HttpAddress(may_be_empty=True),
        default="",
        show_default="beside the first --github-endpoint that is GitHub's own",
        help="GitHub's GraphQL API.",
    ),
    click.option(
        "--github-host",
        type=HttpAddress(may_be_empty=True, may_be_host=True),
        default="",
        show_default="what belongs to --github-endpoint, else github.com",
        help="Where git fetches from; with a scheme it is used as it stands.",
    ),
    click.option("--github-token-path", type=_FILE, help="A file with the token; read again when it changes."),
    click.option(
        "--github-app-id",
        default="",
        callback=_app_id,
        help="Instead of a token: the GitHub App that is installed in the organisations.",
    ),
    click.option(
        "--github-app-private-key-path", type=_FILE, help="The App's private key, as PEM; read again when it changes."
    ),
    click.option(
        "--github-client.request-timeout",
        "request_timeout",
        type=GoDuration(),
        default="2m",
        show_default=True,
        help="How long one request to GitHub may take.",
    ),
    click.option(
        "--github-client.max-retries",
        "max_retries",
        type=click.IntRange(0),
        default=8,
        show_default=True,
        help="How often a request that may be repeated is sent again.",
    ),
    click.option(
        "--sync-hourly-tokens",
        type=click.IntRange(0),
        default=0,
        show_default="as many as GitHub allows",
        help="How many calls to GitHub an hour are made, statuses apart; reads wait, a merge counts but never waits.",
    ),
    click.option(
        "--status-hourly-tokens",
        type=click.IntRange(0),
        default=0,
        show_default="as many as GitHub allows",
        help="How many statuses `tide` an hour are written; one that a merge waits for counts but never waits.",
    ),
)

_JOBS = (
    click.option(
        "--prowjob-backend",
        type=click.Choice(PROWJOB_BACKENDS),
        default="kubernetes",
        show_default=True,
        help="Where jobs run. `local` runs what pull request authors wrote on this host; it is no sandbox. As root "
        "each job has an account of its own.",
    ),
    click.option(
        "--kubeconfig",
        type=_FILE,
        help="The cluster with the ProwJobs; without it the one that this runs in, else that of $KUBECONFIG.",
    ),
    click.option("--kubeconfig-dir", type=_FILE, help="A directory of kubeconfigs, of which the last one counts."),
    click.option("--kubeconfig-suffix", default="", help="Of --kubeconfig-dir only files that end so are read."),
    click.option("--projected-token-file", type=_FILE, help="The service account's token, where it is projected."),
    switch("--no-in-cluster-config", default=False, help="Do not use the cluster that this runs in."),
    click.option(
        "--local-jobs",
        type=click.IntRange(1),
        default=2,
        show_default=True,
        help="How many jobs the local backend runs at a time.",
    ),
    click.option(
        "--local-job-memory",
        type=Size(),
        show_default="the machine's by the number of jobs and one",
        help="How much data each process of a local job may have, such as 8Gi; 0 = no limit.",
    ),
    click.option(
        "--local-job-processes",
        type=click.IntRange(0),
        default=4096,
        show_default=True,
        help="How many processes and threads a local job may have; those of the whole user, where it is not started "
        "as root. 0 = no limit.",
    ),
    click.option(
        "--local-job-disk",
        type=Size(),
        default="20Gi",
        show_default=True,
        help="How much disk a local job may use; it is looked at every few seconds. 0 = no limit.",
    ),
    switch(
        "--i-trust-contributors",
        default=False,
        help="Let local jobs run as this user, who can read the token and write what merges rest on. Asked for once, "
        "unless it is started as root.",
    ),
)

_SERVING = (
    click.option(
        "--port", type=click.IntRange(0, 65535), default=8888, show_default=True, help="Page and API; 0 = any."
    ),
    click.option(
        "--metrics-port",
        type=click.IntRange(0, 65535),
        default=9090,
        show_default=True,
        help="Prometheus metrics; 0 = any.",
    ),
    click.option(
        "--health-port",
        type=click.IntRange(0, 65535),
        default=8081,
        show_default=True,
        help="/healthz and /healthz/ready; 0 = any.",
    ),
    click.option("--bind", default="", help="The address to listen on.", show_default="all"),
    click.option(
        "--webhook-secret-file",
        type=_FILE,
        help="What webhooks at /hook are signed with: a token, or Prow's hmac file; none = no webhooks.",
    ),
    click.option(
        "--public-url",
        type=HttpAddress(may_be_empty=True),
        default="",
        help="Where people reach this page; used for links in statuses.",
    ),
)
