"""Prow's file of credentials for S3."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from tide.domain.errors import ConfigError, Problem


class S3Credentials(BaseModel):
    """Who we are at S3, and where that is (Prow: --s3-credentials-file, pkg/io/providers s3Credentials)."""

    model_config = ConfigDict(frozen=True)

    region: str = ""
    endpoint: str = ""
    insecure: bool = False
    s3_force_path_style: bool = False
    access_key: str = ""
    secret_key: SecretStr = SecretStr("")

    @property
    def url(self) -> str:
        """The endpoint with a scheme, "" for AWS's own; `insecure` is for one without."""
        if not self.endpoint or "://" in self.endpoint:
            return self.endpoint
        return f"{'http' if self.insecure else 'https'}://{self.endpoint}"


def s3_credentials(path: Path) -> S3Credentials:
    """Read the file.

    Raises:
        ConfigError: it cannot be read, or is not of that form; no value in it is told.
    """
    try:
        return S3Credentials.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ConfigError(Problem(str(path), 0, "--s3-credentials-file", error.strerror or "")) from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise ConfigError(Problem(str(path), 0, ".".join(map(str, first["loc"])), first["msg"])) from None
