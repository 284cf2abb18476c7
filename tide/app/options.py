"""What a daemon is told at its start."""

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from tide.adapters.github.endpoints import host_address
from tide.config.sources import SUPPLEMENTAL_SUFFIX


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """The flags of `tide run`; paths are absolute. A port of 0 is any free one, None is none at all.

    Memory and disk are in bytes; of the limits of a job 0 is none, and no memory given is a share of the machine's.
    """

    config_path: Path
    data_dir: Path
    job_config_path: Path | None = None
    supplemental_prow_config_dir: tuple[Path, ...] = ()
    supplemental_suffix: str = SUPPLEMENTAL_SUFFIX
    merge_queue_config_path: Path | None = None
    database_url: str | None = field(default=None, repr=False)
    database_password_file: Path | None = None
    dry_run: bool = True
    run_once: bool = False
    max_records_per_pool: int = 1000
    history_uri: str = ""
    gcs_credentials_file: Path | None = None
    s3_credentials_file: Path | None = None
    github_endpoint: tuple[str, ...] = ("https://api.github.com",)
    github_graphql_endpoint: str = ""
    github_host: str = ""
    github_token_path: Path | None = None
    github_app_id: str = ""
    github_app_private_key_path: Path | None = None
    request_timeout: timedelta = timedelta(minutes=2)
    max_retries: int = 8
    sync_hourly_tokens: int = 0
    status_hourly_tokens: int = 0
    prowjob_backend: str = "local"
    kubeconfig: Path | None = None
    kubeconfig_dir: Path | None = None
    kubeconfig_suffix: str = ""
    projected_token_file: Path | None = None
    no_in_cluster_config: bool = False
    local_jobs: int = 2
    local_job_memory: int | None = None
    local_job_processes: int = 4096
    local_job_disk: int = 20 * 1024**3
    port: int = 8888
    metrics_port: int | None = 9090
    health_port: int | None = 8081
    bind: str = ""
    public_url: str = ""
    webhook_secret_file: Path | None = None
    search_per_repository: bool = False
    is_durable: bool = True
    log_format: str = "json"
    log_level: str = "info"

    @property
    def git_host_url(self) -> str:
        """Where git fetches from, without a slash at the end.

        --github-host with a scheme is used as it stands; without one it is what belongs to the endpoints.
        """
        host = self.github_host.rstrip("/")
        if not host:
            return host_address(self.github_endpoint)
        return host if "://" in host else f"https://{host}"
