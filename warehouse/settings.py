"""The one reader of the environment.

Belongs here: every setting, its default and its meaning. Does not belong here: anything that acts on a setting.
Each field is read from an environment variable with the prefix ``PARK_`` (``PARK_HOME``, ``PARK_OPS_URL``, …).
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

PROJECT_ROOT = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """All settings of one instance; ``home`` separates instances on one machine."""

    model_config = SettingsConfigDict(env_prefix="PARK_", frozen=True, extra="ignore")

    home: Path = Field(default=PROJECT_ROOT / ".park", description="The one data folder of this instance.")
    ops_url: str | None = Field(
        default=None, description="SQLAlchemy URL of the operational store; SQLite under home when unset."
    )
    catalog_url: str | None = Field(
        default=None,
        description="postgresql:// URL of the lake catalog; SQLite under home when unset.",
    )
    catalog_schema: str = Field(default="parkcloud", description="Schema of the lake catalog on PostgreSQL.")
    data_path: str | None = Field(
        default=None, description="Folder or s3://BUCKET/PREFIX of the lake's Parquet files; under home when unset."
    )
    s3_endpoint: str = Field(
        default="", description="Address of an S3-compatible server, http:// or https://; Amazon's own when empty."
    )
    s3_region: str = Field(default="us-east-1", description="Region of the bucket.")
    s3_access_key: SecretStr | None = Field(default=None, description="Access key of the object storage.")
    s3_secret_key: SecretStr | None = Field(default=None, description="Its secret key.")
    snapshot_url: str | None = Field(
        default=None,
        description="Where pictures of passages lie: file:///folder, s3://bucket/prefix, gs://… or az://…; a folder "
        "under home when unset. For s3:// the settings PARK_S3_… hold.",
    )
    secret_key: SecretStr | None = Field(
        default=None,
        description="Key that encrypts stored secrets; a key file under home, readable by its owner only, when unset.",
    )

    host: str = Field(default="127.0.0.1", description="Address that the servers listen on.")
    gateway_port: int = Field(default=8701, description="Port of the ingest gateway.")
    pages_port: int = Field(default=8700, description="Port of the pages.")
    public_url: str = Field(
        default="",
        description="Address under which drivers reach the pages, for payment QR codes; host and port when empty.",
    )
    dagster_host: str = Field(
        default="127.0.0.1",
        description="Address of the Dagster web server, which knows no logins: keep it local or behind a proxy.",
    )
    dagster_port: int = Field(default=8702, description="Port of the Dagster web server.")

    gateway_max_body_bytes: int = Field(
        default=16 * 1024 * 1024, description="Largest upload body accepted, after decompression."
    )
    gateway_max_batch_records: int = Field(default=10_000, description="Most records accepted in one upload.")
    gateway_records_per_minute: int = Field(
        default=600_000, description="Records a minute accepted from one lot before 429."
    )
    gateway_clock_tolerance_seconds: int = Field(
        default=300, description="Largest difference between the request's timestamp and ours."
    )
    gateway_max_snapshot_bytes: int = Field(
        default=2 * 1024 * 1024, description="Largest picture of a passage accepted."
    )
    gateway_max_connections: int = Field(
        default=16_384, description="Connections of one gateway process; every lot that waits for commands holds one."
    )
    gateway_max_nonces: int = Field(
        default=3_000_000,
        description="Nonces remembered by one gateway process, 80 bytes each; one a request for six minutes.",
    )
    gateway_command_wait_seconds: int = Field(
        default=50, description="Longest time that a lot may wait for commands in one request."
    )
    gateway_command_check_seconds: float = Field(
        default=0.5, description="Pause between two looks for new commands, one look for all lots together."
    )
    journal_segment_seconds: float = Field(default=1.0, description="Age at which the open journal segment is sealed.")
    journal_segment_bytes: int = Field(
        default=32 * 1024 * 1024, description="Size at which the open journal segment is sealed."
    )
    lander_interval_seconds: float = Field(default=2.0, description="Pause between two drains of the journal.")
    archive_days: int = Field(default=35, description="Days that landed journal segments are kept.")

    lake_threads: int = Field(default=2, description="DuckDB threads of one process.")
    lake_memory: str = Field(default="1500MB", description="DuckDB memory limit of one process.")
    refresh_interval_seconds: int = Field(
        default=60, description="Shortest pause between two refreshes started by newly landed data."
    )
    schedule_time_zone: str = Field(default="Asia/Shanghai", description="IANA zone of the schedules' clock.")
    keep_publications: int = Field(
        default=10, description="Newest publications whose snapshots maintenance keeps for readers pinned to them."
    )
    keep_days: int = Field(
        default=35, description="Days of which maintenance keeps the last published snapshot of each."
    )
    analysts_detail_days: int = Field(
        default=92, description="Days of fct_ tables in the analysts' files; 0 for all that there are."
    )
    sql_seconds: int = Field(default=60, description="Longest time of one analyst's query, seconds.")
    sql_rows: int = Field(default=100_000, description="Most rows that one analyst's query returns.")
    sql_memory: str = Field(default="512MB", description="DuckDB memory limit of one analyst's query.")
    sql_threads: int = Field(default=2, description="DuckDB threads of one analyst's query.")
    sql_running: int = Field(default=4, description="Most analysts' queries that one process runs at once.")
    stale_minutes: int = Field(default=60, description="Silence after which a lot counts as stale.")

    alarm_interval_seconds: float = Field(default=30.0, description="Pause between two evaluations of the alarm rules.")
    webhook_networks: str = Field(
        default="",
        description="Comma-separated private networks that web hooks of alarms may call; public addresses only when "
        "empty.",
    )

    admin_password: SecretStr | None = Field(
        default=None, description="First password of the login admin; generated and printed once when unset."
    )
    cookie_secure: bool = Field(default=False, description="Mark cookies Secure; set behind a TLS proxy.")
    trusted_proxies: str = Field(
        default="", description="Comma-separated addresses and networks whose X-Forwarded headers are believed."
    )
    session_idle_minutes: int = Field(default=8 * 60, description="Idle time after which a login ends.")
    session_hours: int = Field(default=7 * 24, description="Age at which a login ends.")
    oidc_issuer: str | None = Field(
        default=None, description="Issuer URL of an OpenID provider that people may sign in with; off when unset."
    )
    oidc_client_id: str | None = Field(default=None, description="This instance's client id at the OpenID provider.")
    oidc_client_secret: SecretStr | None = Field(
        default=None, description="Its client secret; unset for a public client."
    )
    oidc_label: str | None = Field(default=None, description="Words on the button that leads to the OpenID provider.")
    oidc_login_claim: str = Field(
        default="preferred_username", description="Claim that names the login when somebody comes the first time."
    )
    language: str = Field(default="zh", description="Default language of pages and reports: zh or en.")

    log_format: Literal["text", "json"] = Field(
        default="text", description="Log lines for people (text) or one JSON object a line (json)."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least level of what the processes log."
    )
    metrics_port: int = Field(default=8703, description="Port of the Prometheus metrics of all processes.")

    smtp_host: str = Field(default="", description="Mail server that delivers reports; no e-mail when empty.")
    smtp_port: int = Field(default=587, description="Its port.")
    smtp_tls: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="How its connection is secured: starttls, tls from the start, or none."
    )
    smtp_user: str = Field(default="", description="Login at the mail server; without one when empty.")
    smtp_password: SecretStr | None = Field(default=None, description="Password of that login.")
    smtp_sender: str = Field(default="", description="Sender of the mails; the login when empty.")

    map_tiles: str = Field(
        default="",
        description="Address of map tiles with {z}, {x}, {y} and, for a key, {key}; fetched by this server, not by "
        "browsers. The offline base map when empty.",
    )
    map_tiles_key: SecretStr | None = Field(default=None, description="Key that stands for {key}; it stays here.")
    map_tiles_datum: Literal["wgs84", "gcj02"] = Field(
        default="wgs84", description="Datum of these tiles: gcj02 for AMap and Tencent, wgs84 for Tianditu and others."
    )
    map_tiles_notice: str = Field(default="", description="Whose map it is, shown below it, as its licence asks.")
    map_tiles_cache_mb: int = Field(default=500, description="Megabytes of tiles kept under home; none when 0.")
    map_tiles_cache_days: int = Field(default=30, description="Days after which a kept tile is fetched anew.")
    map_navigation: str = Field(
        default="amap,baidu,apple,google",
        description="Apps that a lot's page offers to navigate with, the usual one first: amap, baidu, apple, google.",
    )
    route_provider: Literal["embedded", "osrm", "valhalla", "amap", "none"] = Field(
        default="embedded",
        description="Who finds driving routes: the router of our own on roads taken in by park map import, a server, "
        "or nobody.",
    )
    route_url: str = Field(default="", description="Address of the OSRM or Valhalla server, or of AMap's service.")
    route_key: SecretStr | None = Field(default=None, description="Key of AMap's web service.")
    backup_url: str = Field(
        default="",
        description="Folder or object storage URL (s3://bucket/prefix) of this instance's backups; "
        "`backups` under home when empty.",
    )
    backup_endpoint: str = Field(
        default="", description="Address of an S3-compatible storage for backups; Amazon's own when empty."
    )
    backup_region: str = Field(default="", description="Region of that storage.")
    backup_key_id: str = Field(default="", description="Access key id at that storage.")
    backup_secret: SecretStr | None = Field(default=None, description="Secret of that access key.")
    backup_recipients: str = Field(
        default="", description="Comma-separated age recipients (age1…) that backups are encrypted to; none when empty."
    )
    backup_identity_file: Path | None = Field(
        default=None,
        description="File of the age identity that opens encrypted backups, to verify them here.",
    )
    backup_include_key: bool = Field(
        default=False, description="Put the secret key file into backups that are not encrypted, too."
    )
    backup_pictures: bool = Field(
        default=True, description="Backups hold the pictures of passages, too; they may be most of it."
    )
    backup_scratch: Path | None = Field(
        default=None, description="Folder in which backups are prepared and verified; `tmp` under home when unset."
    )
    backup_time: str = Field(
        default="02:15", description="Time of the daily backup in the schedules' zone; none by the clock when empty."
    )
    backup_keep_count: int = Field(default=7, description="Newest backups that are kept.")
    backup_keep_days: int = Field(default=30, description="Days of which every backup is kept.")

    @cached_property
    def resolved_ops_url(self) -> str:
        """SQLAlchemy URL of the operational store."""
        return self.ops_url or f"sqlite:///{self.home / 'ops.sqlite'}"

    @cached_property
    def resolved_data_path(self) -> str:
        """Folder of the lake's data files, without a trailing slash."""
        return (self.data_path or str(self.home / "lake" / "data")).rstrip("/")

    @property
    def resolved_snapshot_url(self) -> str:
        """Where pictures of passages lie, as a URL without a trailing slash."""
        return (self.snapshot_url or (self.home / "snapshots").absolute().as_uri()).rstrip("/")

    @property
    def resolved_public_url(self) -> str:
        """Address under which drivers reach the pages, without a trailing slash."""
        return self.public_url.rstrip("/") or f"http://{self.host}:{self.pages_port}"

    @property
    def resolved_backup_url(self) -> str:
        """Folder or URL of the backups."""
        return self.backup_url.rstrip("/") or str(self.home / "backups")

    @property
    def catalog_file(self) -> Path:
        """SQLite file of the lake catalog; unused when ``catalog_url`` is set."""
        return self.home / "lake" / "catalog.sqlite"

    @property
    def journal_path(self) -> Path:
        """Folder of the journal: ``open/``, ``sealed/`` and ``landed/`` segments."""
        return self.home / "journal"

    @property
    def inbox_path(self) -> Path:
        """Watched folder for file drops: ``<profile>/<file>``."""
        return self.home / "inbox"

    @property
    def archive_path(self) -> Path:
        """Folder of ingested source files, named by content hash."""
        return self.home / "archive"

    @property
    def analysts_path(self) -> Path:
        """Folder of the analysts' DuckDB files."""
        return self.home / "analysts"

    @property
    def exports_path(self) -> Path:
        """Folder of files that pages make in the background; emptied when the pages start."""
        return self.home / "exports"

    @property
    def deliveries_path(self) -> Path:
        """Folder of delivered reports: ``<login>/<file>``."""
        return self.home / "deliveries"

    @property
    def sends_mail(self) -> bool:
        """Whether reports can go out by e-mail."""
        return bool(self.smtp_host and (self.smtp_sender or self.smtp_user))

    @property
    def dagster_home(self) -> Path:
        """``DAGSTER_HOME`` of this instance."""
        return self.home / "dagster"

    @property
    def log_path(self) -> Path:
        """Folder of the processes' log files."""
        return self.home / "logs"


def load_settings() -> Settings:
    """Read the environment once more; callers hold the result and pass it on."""
    return Settings()
