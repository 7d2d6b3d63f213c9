"""How dbt is started: environment, folders and arguments. Running it is pipelines/build.py's and Dagster's."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager

from warehouse.lake.connect import attach_target, is_postgres
from warehouse.lake.publish import published
from warehouse.lake.storage import is_object_storage
from warehouse.settings import PROJECT_ROOT, Settings

DBT_PROJECT = PROJECT_ROOT / "dbt_project"


def dbt_environment(settings: Settings) -> dict[str, str]:
    """Variables that dbt_project/profiles.yml reads."""
    spill = settings.home / "tmp"
    spill.mkdir(parents=True, exist_ok=True)
    return {
        "DBT_PROFILES_DIR": str(DBT_PROJECT),
        "DBT_PROJECT_DIR": str(DBT_PROJECT),
        "DBT_TARGET_PATH": str(settings.home / "dbt" / "target"),
        "DBT_LOG_PATH": str(settings.home / "dbt" / "logs"),
        # Its debug log cost a tenth of a refresh; what fails is in the run's results and so in our error.
        "DBT_LOG_LEVEL_FILE": "none",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "PARK_DBT_TARGET": "postgres" if is_postgres(settings) else "sqlite",
        "PARK_DBT_PLUGINS": str(DBT_PROJECT / "plugins"),
        "PARK_DBT_LAKE": attach_target(settings),
        "PARK_DBT_DATA": settings.resolved_data_path + "/",
        "PARK_DBT_CATALOG_SCHEMA": settings.catalog_schema,
        "PARK_DBT_MEMORY": settings.lake_memory,
        "PARK_DBT_THREADS": str(settings.lake_threads),
        "PARK_DBT_SPILL": str(spill),
        # What the plugin needs to reach the data path; dbt writes no variable of this prefix into a log.
        "DBT_ENV_SECRET_PARK_STORAGE": _storage(settings),
    }


def _storage(settings: Settings) -> str:
    if not is_object_storage(settings):
        return ""
    wanted = {name: getattr(settings, name) for name in ("data_path", "s3_endpoint", "s3_region")}
    for name in ("s3_access_key", "s3_secret_key"):
        secret = getattr(settings, name)
        wanted[name] = secret.get_secret_value() if secret is not None else None
    return json.dumps(wanted)


def apply_environment(settings: Settings) -> None:
    """Put the variables into this process, for dbt run inside it."""
    os.environ.update(dbt_environment(settings))


@contextmanager
def published_environment(settings: Settings) -> Iterator[None]:
    """Let dbt runs started meanwhile read the published snapshot, and nothing but that.

    Raises:
        ParkError: nothing has been published yet.
    """
    before = dict(os.environ)
    os.environ.update(
        dbt_environment(settings)
        | {
            "PARK_DBT_TARGET": "published_postgres" if is_postgres(settings) else "published_sqlite",
            "PARK_DBT_SNAPSHOT": str(published(settings).snapshot_id),
        }
    )
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def models_hash() -> str:
    """Fingerprint of everything that shapes the marts; another one asks for a full build."""
    digest = hashlib.sha256()
    for folder in ("models", "macros", "seeds"):
        for path in sorted((DBT_PROJECT / folder).rglob("*")):
            if path.suffix in {".sql", ".csv", ".yml"}:
                digest.update(str(path.relative_to(DBT_PROJECT)).encode())
                digest.update(path.read_bytes())
    digest.update((DBT_PROJECT / "dbt_project.yml").read_bytes())
    return digest.hexdigest()[:16]
