"""Settings: the only reader of the environment (prefix ANSHAO_). docs/operations/settings.md is generated from here."""

from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

OTHER_OPEN_FILES = 1024
"""What an API process has open beside its streams: requests under way, files being stored, connections to the database."""


class Settings(BaseSettings):
    """Every setting of one process. Paths may be relative to the working directory."""

    model_config = SettingsConfigDict(env_prefix="ANSHAO_", env_file=".env", extra="ignore", frozen=True)

    data_dir: Path = Field(
        Path("var"),
        description="Folder of the embedded database, the local objects, the keys and the checkpoints",
    )
    database_url: SecretStr | None = Field(
        None,
        description="postgresql:// address of a served PostgreSQL (15 or later); unset starts the embedded one",
    )
    keys_dir: Path | None = Field(None, description="Folder of the signing keys; default data_dir/keys")
    checkpoints_dir: Path | None = Field(
        None,
        description="Folder for signed audit checkpoints, best on another disk; default data_dir/checkpoints",
    )
    storage_url: str | None = Field(
        None, description="s3://bucket/prefix for the originals; unset keeps them in data_dir/objects"
    )
    s3_endpoint: str | None = Field(None, description="Address of an S3-compatible server; unset means AWS")
    s3_region: str = Field("us-east-1", description="S3 region name")
    s3_access_key: str | None = Field(None, description="S3 access key id")
    s3_secret_key: SecretStr | None = Field(None, description="S3 secret key")
    host: str = Field("127.0.0.1", description="Address to listen on")
    port: int = Field(8000, description="Port to listen on")
    public_url: str = Field(
        "http://127.0.0.1:8000", description="Address under which this service is reached"
    )
    workers: int = Field(1, ge=1, description="Number of API processes")
    pool_size: int = Field(
        3, ge=1, description="Database connections of one process; keep processes x pool below the limit"
    )
    pool_overflow: int = Field(0, ge=0, description="Extra connections of one process in a rush")
    prepared_statements: bool = Field(
        True, description="Let PostgreSQL keep plans; switch off behind a PgBouncer older than 1.22"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least level that is logged"
    )
    access_token_minutes: int = Field(15, ge=1, le=60, description="Validity of an access token")
    console_refresh_hours: int = Field(12, ge=1, description="Validity of a console refresh token")
    device_refresh_days: int = Field(60, ge=45, description="Validity of a phone's refresh token")
    initial_password_hours: int = Field(
        72,
        ge=1,
        description="Validity of an initial password, which its owner must change at the first login",
    )
    enrollment_code_minutes: int = Field(
        10, ge=1, le=60, description="Validity of a phone's one-time enrolment code"
    )
    invitation_code_hours: int = Field(
        72, ge=1, le=720, description="Validity of the one-time code of an enterprise's invitation"
    )
    invitation_days: int = Field(
        365, ge=1, le=1096, description="Longest validity of an enterprise's invitation"
    )
    enterprise_reports_per_day: int = Field(
        60,
        ge=1,
        description="Reports of hazards by one invitation in a day, and as many of rectification: more than an order has lines",
    )
    invitation_kept_days: int = Field(
        180,
        ge=1,
        description="Days after the end of an invitation until the person's name, telephone and e-mail are erased",
    )
    enterprise_refresh_days: int = Field(30, ge=1, description="Validity of an enterprise's refresh token")
    max_body_bytes: int = Field(8 * 1024 * 1024, description="Largest accepted request body")
    max_bundle_bytes: int = Field(256 * 1024 * 1024, description="Largest bundle file that a phone may bring")
    max_evidence_bytes: int = Field(
        4 * 1024 * 1024, description="Largest photograph accepted in a single PUT"
    )
    max_upload_bytes: int = Field(
        512 * 1024 * 1024, ge=1, description="Largest file accepted by a resumable upload"
    )
    evidence_patience_seconds: int = Field(
        300,
        ge=0,
        description="How long a file may wait for spare time of the machine before it is examined all the same; hazards to be "
        "compared likewise",
    )
    evidence_decoders: int = Field(
        2, ge=1, le=64, description="Processes of one worker that decode photographs, at the lowest priority"
    )
    evidence_impossible_kmh: int = Field(
        150,
        ge=1,
        description="Speed between two captures of one phone above which they are flagged for a reviewer, in km/h",
    )
    device_silent_hours: int = Field(
        72, ge=1, description="Hours without contact after which the board shows a phone as silent too long"
    )
    sync_streams: int = Field(
        1000, ge=1, description="Streams that phones may hold open at one process; beyond them they pull"
    )
    sync_streams_per_device: int = Field(
        16, ge=1, description="Streams that one phone may hold open at one process; its user twice as many"
    )
    metrics_token: SecretStr | None = Field(
        None, description="Bearer token that /metrics asks for; unset leaves it open to the local network"
    )

    @cached_property
    def open_files(self) -> int:
        """How many files, sockets above all, one API process must be allowed to have open at once."""
        return self.sync_streams + OTHER_OPEN_FILES

    @cached_property
    def resolved_keys_dir(self) -> Path:
        """Where the signing keys lie."""
        return self.keys_dir or self.data_dir / "keys"

    @cached_property
    def resolved_checkpoints_dir(self) -> Path:
        """Where signed audit checkpoints are written."""
        return self.checkpoints_dir or self.data_dir / "checkpoints"
