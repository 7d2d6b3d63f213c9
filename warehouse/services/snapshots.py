"""Where pictures of passages (抓拍图片) lie: by lot and content hash, in a folder or in object storage.

Belongs here: putting, getting and removing. Does not belong here: checking that a picture is one
(``ingest/gateway/snapshots.py``), who may see it (``visible_snapshot`` below is the only way for pages).

The lot is part of the key: whoever knows the hash of another lot's picture finds nothing, and a lot's pictures can be
removed by themselves.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import obstore
from obstore.store import ObjectStore, from_url

from warehouse.errors import Forbidden, ParkError
from warehouse.ops.session import ops_session
from warehouse.security.actor import Actor
from warehouse.security.credentials import lot_by_code
from warehouse.settings import Settings

SEES: Final = ("exit_records.view", "plates.view")
"""Permissions that seeing a picture takes: it belongs to a record, and shows a whole plate."""

_is_hash: Final = re.compile(r"[0-9a-f]{64}").fullmatch


class SnapshotStore:
    """The pictures of one instance."""

    def __init__(self, settings: Settings) -> None:
        """Nothing is opened before it is used."""
        self._url = settings.resolved_snapshot_url
        parts = urlsplit(self._url)
        self._folder = Path(unquote(parts.path)) if parts.scheme == "file" else None
        self._settings = settings

    @property
    def _remote(self) -> ObjectStore:
        config: dict[str, Any] = {}
        if self._url.startswith("s3://"):
            secrets = {"access_key_id": self._settings.s3_access_key, "secret_access_key": self._settings.s3_secret_key}
            config = {"region": self._settings.s3_region, "endpoint": self._settings.s3_endpoint}
            config |= {name: secret.get_secret_value() for name, secret in secrets.items() if secret is not None}
        return _opened(self._url, tuple((name, value) for name, value in config.items() if value))

    def put(self, lot_id: int, content: bytes) -> str:
        """Keep a picture; when this returns its hash, it is stored. Putting it again changes nothing.

        Raises:
            ParkError: ``snapshots_unavailable``.
        """
        digest = sha256(content).hexdigest()
        try:
            if self._folder is not None:
                _write(self._folder / _key(lot_id, digest), content)
            else:
                obstore.put(self._remote, _key(lot_id, digest), content)
        except Exception as error:
            raise _unavailable(error) from error
        return digest

    def get(self, lot_id: int, digest: str) -> bytes | None:
        """A picture; None when there is none.

        Raises:
            ParkError: ``snapshots_unavailable``.
        """
        if not _is_hash(digest):
            return None
        try:
            if self._folder is not None:
                return (self._folder / _key(lot_id, digest)).read_bytes()
            return bytes(obstore.get(self._remote, _key(lot_id, digest)).bytes())
        except FileNotFoundError:
            return None
        except Exception as error:
            raise _unavailable(error) from error

    def has(self, lot_id: int, digest: str) -> bool:
        """Whether there is such a picture; False also when the storage is away."""
        if not _is_hash(digest):
            return False
        if self._folder is not None:
            return (self._folder / _key(lot_id, digest)).is_file()
        try:
            obstore.head(self._remote, _key(lot_id, digest))
        except Exception:
            return False
        return True

    def remove(self, lot_id: int, digest: str) -> bool:
        """Remove a picture; whether there was one.

        Raises:
            ParkError: ``snapshots_unavailable``.
        """
        if not self.has(lot_id, digest):
            return False
        try:
            if self._folder is not None:
                (self._folder / _key(lot_id, digest)).unlink(missing_ok=True)
            else:
                obstore.delete(self._remote, _key(lot_id, digest))
        except Exception as error:
            raise _unavailable(error) from error
        return True


def visible_snapshot(settings: Settings, actor: Actor, lot_code: str, digest: str) -> bytes | None:
    """A picture for somebody; None when there is none, or it is not theirs to see: existence is not told."""
    lot_id = visible_lot_of_pictures(settings, actor, lot_code)
    return None if lot_id is None else SnapshotStore(settings).get(lot_id, digest)


def visible_lot_of_pictures(settings: Settings, actor: Actor, lot_code: str) -> int | None:
    """The lot with this code, when its pictures may be seen by the actor."""
    if not all(actor.allows(permission) for permission in SEES):
        return None
    with ops_session(settings) as session, contextlib.suppress(ParkError, Forbidden):
        lot_id = lot_by_code(session, lot_code).lot_id
        return lot_id if actor.scope.allows(lot_id) else None
    return None


def media_type(content: bytes) -> str:
    """What a picture that was taken in is: only these two are."""
    return "image/png" if content.startswith(b"\x89PNG") else "image/jpeg"


def _key(lot_id: int, digest: str) -> str:
    return f"{lot_id}/{digest[:2]}/{digest}"


@lru_cache(maxsize=4)
def _opened(url: str, config: tuple[tuple[str, str], ...]) -> ObjectStore:
    is_plain = any(name == "endpoint" and value.startswith("http://") for name, value in config)
    options: dict[str, Any] = {
        "config": dict(config) or None,
        "client_options": {"allow_http": True} if is_plain else None,
    }
    return from_url(url, **options)


def _write(path: Path, content: bytes) -> None:
    """Write durably; a file that is there is complete, because it got its name last."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}.partial")
    with partial.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _unavailable(error: Exception) -> ParkError:
    return ParkError(
        zh=f"抓拍图片的存储暂不可用：{error}；请检查 PARK_SNAPSHOT_URL 与磁盘空间",
        en=f"the storage of pictures is not available: {error}; check PARK_SNAPSHOT_URL and the disk",
        code="snapshots_unavailable",
    )
