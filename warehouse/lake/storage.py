"""Where the lake's files lie when that is no folder: S3-compatible object storage.

Belongs here: what a DuckDB connection needs before it can read and write there. Does not belong here: the catalog.
"""

from __future__ import annotations

from typing import Final

import duckdb

from warehouse.errors import ParkError
from warehouse.lake.extensions import extension_path
from warehouse.settings import Settings

_SCHEME: Final = "s3://"


def is_object_storage(settings: Settings) -> bool:
    """Whether the data files lie in object storage.

    Raises:
        ParkError: the data path names a kind of storage that is not supported.
    """
    path = settings.resolved_data_path
    if "://" in path and not path.startswith(_SCHEME):
        raise ParkError(
            zh=f"PARK_DATA_PATH“{path}”不支持：请用文件夹，或 s3://桶名/前缀",
            en=f"PARK_DATA_PATH “{path}” is not supported: use a folder or s3://BUCKET/PREFIX",
            code="bad_data_path",
        )
    return path.startswith(_SCHEME)


def allow_object_storage(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Let ``connection`` reach the data path; nothing is done for a folder."""
    if not is_object_storage(settings):
        return
    connection.load_extension(extension_path("httpfs"))
    options = {"REGION": settings.s3_region, "SCOPE": settings.resolved_data_path}
    if settings.s3_access_key is not None and settings.s3_secret_key is not None:
        options |= {
            "KEY_ID": settings.s3_access_key.get_secret_value(),
            "SECRET": settings.s3_secret_key.get_secret_value(),
        }
    if settings.s3_endpoint:
        scheme, _, host = settings.s3_endpoint.rpartition("://")
        options |= {"ENDPOINT": host, "URL_STYLE": "path", "USE_SSL": "false" if scheme == "http" else "true"}
    given = ", ".join(f"{name} {_quoted(value)}" for name, value in options.items())
    connection.execute(f"CREATE OR REPLACE SECRET data_path (TYPE s3, {given})")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
