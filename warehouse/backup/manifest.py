"""What is written about a backup: summary, list of files, result of verifying.

Belongs here: these documents and their form. Does not belong here: figures (rows and sums), which are an object of the
backup like any other and encrypted with it; names, sizes and hashes here stay readable without a key, so that a server
that holds no identity can still copy increments and forget old backups.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

FORMAT: Final = 1


class StoredFile(msgspec.Struct, frozen=True):
    """One file of the instance and the object that holds its content.

    ``role`` is operational, catalog, data, journal, pictures, key or figures; ``path`` is relative to that role's root.
    """

    role: str
    path: str
    size: int
    sha256: str
    object: str
    stored_size: int


class Summary(msgspec.Struct, frozen=True):
    """A backup in short; it exists when this is written, which happens last.

    ``point_at`` is the instant whose state it holds. ``operational_form`` is sqlite or rows, ``catalog_form`` sqlite or
    postgres. ``new_bytes`` and ``new_files`` had to be copied.
    """

    backup_id: str
    point_at: datetime
    finished_at: datetime
    seconds: float
    lock_seconds: float
    product_version: str
    operational_form: str
    operational_revision: str
    catalog_form: str
    snapshot_id: int
    files: int
    bytes: int
    new_files: int
    new_bytes: int
    stored_bytes: int
    recipients: tuple[str, ...]
    holds_key: bool
    format: int = FORMAT


class FileList(msgspec.Struct, frozen=True):
    """Every file of one backup."""

    files: tuple[StoredFile, ...]


class Verified(msgspec.Struct, frozen=True):
    """How the newest verification of a backup ended; without sentences all was well."""

    at: datetime
    seconds: float
    rows: int
    zh: str = ""
    en: str = ""

    @property
    def is_good(self) -> bool:
        """Whether everything was as it was taken."""
        return not self.en
