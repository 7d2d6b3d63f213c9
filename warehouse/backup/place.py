"""Where backups, the lake's data files and pictures lie: a folder, or object storage by a URL.

Belongs here: listing, reading, writing and deleting by name. Does not belong here: what the names mean
(``library.py``) and encryption (``seal.py``). Names are relative and use slashes.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import from_url
from pydantic import SecretStr

from warehouse.errors import ParkError
from warehouse.settings import Settings

_BLOCK: Final = 8 * 1024 * 1024
_PARTIAL: Final = ".partial"
# The settings that name a place.
_BACKUPS: Final = "PARK_BACKUP_URL"
_DATA: Final = "PARK_DATA_PATH"
_PICTURES: Final = "PARK_SNAPSHOT_URL"


class Place(Protocol):
    """What both kinds of place can do; each raises ParkError ``place_unusable`` when it cannot be reached."""

    @property
    def name(self) -> str:
        """For people, without secrets."""

    def sizes(self, prefix: str) -> dict[str, int]:
        """Names below ``prefix`` with their sizes."""

    def read(self, name: str) -> bytes | None:
        """A small file's content; None when it is not there."""

    def write(self, name: str, content: bytes) -> None:
        """Put a small file, whole or not at all."""

    def fetch(self, name: str, target: Path) -> None:
        """Copy a file from here to ``target``; ParkError ``object_missing`` when it is not there."""

    def store(self, name: str, source: Path) -> None:
        """Copy a file to here, whole or not at all, durably."""

    def settle(self) -> None:
        """Make the names of everything stored so far durable."""

    def delete(self, names: Iterable[str]) -> None:
        """Delete files; those that are gone already do not matter."""


def open_place(settings: Settings, url: str) -> Place:
    """The place of ``url``, reached by the settings of backups: a folder when it has no scheme.

    Raises:
        ParkError: code ``place_unusable``; the URL makes no sense.
    """
    return _open(
        url,
        _BACKUPS,
        settings.backup_endpoint,
        settings.backup_region,
        settings.backup_key_id,
        settings.backup_secret,
    )


def data_place(settings: Settings) -> Place:
    """Where the lake's data files lie, reached by the settings of the lake.

    Raises:
        ParkError: code ``place_unusable``; the data path makes no sense.
    """
    return _open_by_lake(settings, settings.resolved_data_path, _DATA)


def picture_place(settings: Settings) -> Place:
    """Where pictures of passages lie, as ``warehouse.services.snapshots`` names them.

    Raises:
        ParkError: code ``place_unusable``; the URL makes no sense.
    """
    url = settings.resolved_snapshot_url
    parts = urlsplit(url)
    return _open_by_lake(settings, unquote(parts.path) if parts.scheme == "file" else url, _PICTURES)


def _open_by_lake(settings: Settings, url: str, setting: str) -> Place:
    key = settings.s3_access_key
    return _open(
        url,
        setting,
        settings.s3_endpoint,
        settings.s3_region,
        key.get_secret_value() if key else "",
        settings.s3_secret_key,
    )


def _open(url: str, setting: str, endpoint: str, region: str, key_id: str, secret: SecretStr | None) -> Place:
    if "://" not in url:
        return Folder(Path(url))
    config: dict[str, Any] = {}
    if url.startswith(("s3://", "s3a://")):
        given = {
            "endpoint": endpoint,
            "region": region,
            "access_key_id": key_id,
            "secret_access_key": secret.get_secret_value() if secret else "",
        }
        config = {name: value for name, value in given.items() if value}
    try:
        plain = {"allow_http": True} if endpoint.startswith("http://") else {}
        store = from_url(url, config=config or None, client_options=plain or None)  # type: ignore[arg-type]
    except (BaseError, ValueError) as error:
        raise _unusable(url, error, setting) from error
    return Objects(store, url, setting)


class Folder:
    """A folder; what is written is fsynced before it gets its name."""

    def __init__(self, root: Path) -> None:
        """Nothing is created before the first file is written."""
        self._root = root
        self._unsettled: set[Path] = set()

    @property
    def name(self) -> str:
        """Its path."""
        return str(self._root)

    def sizes(self, prefix: str) -> dict[str, int]:
        """See ``Place``."""
        found = {}
        for path in (self._root / prefix).rglob("*"):
            if path.is_file() and not path.name.endswith(_PARTIAL):
                found[path.relative_to(self._root).as_posix()] = path.stat().st_size
        return found

    def read(self, name: str) -> bytes | None:
        """See ``Place``."""
        try:
            return (self._root / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unusable(self.name, error) from error

    def write(self, name: str, content: bytes) -> None:
        """See ``Place``."""
        partial, target = self._partial(name)
        try:
            with partial.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(target)
            _sync_folder(target.parent)
        except OSError as error:
            raise _unusable(self.name, error) from error

    def fetch(self, name: str, target: Path) -> None:
        """See ``Place``."""
        try:
            with (self._root / name).open("rb") as source, target.open("wb") as sink:
                shutil.copyfileobj(source, sink, _BLOCK)
        except FileNotFoundError as error:
            raise _missing(self.name, name) from error
        except OSError as error:
            raise _unusable(self.name, error) from error

    def store(self, name: str, source: Path) -> None:
        """See ``Place``."""
        partial, target = self._partial(name)
        with source.open("rb") as file:
            try:
                with partial.open("wb") as sink:
                    shutil.copyfileobj(file, sink, _BLOCK)
                    sink.flush()
                    os.fsync(sink.fileno())
                partial.replace(target)
                self._unsettled |= {target.parent, target.parent.parent}
            except OSError as error:
                raise _unusable(self.name, error) from error

    def settle(self) -> None:
        """See ``Place``."""
        while self._unsettled:
            _sync_folder(self._unsettled.pop())

    def delete(self, names: Iterable[str]) -> None:
        """See ``Place``."""
        for name in names:
            (self._root / name).unlink(missing_ok=True)

    def _partial(self, name: str) -> tuple[Path, Path]:
        target = self._root / name
        try:
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise _unusable(self.name, error) from error
        return target.with_name(f".{target.name}.{os.getpid()}{_PARTIAL}"), target


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Objects:
    """Object storage; it acknowledges an upload only when it is durable."""

    def __init__(self, store: Any, url: str, setting: str) -> None:
        """Keep the store; nothing is asked yet. ``setting`` is the one that names it, for whoever must mend it."""
        self._store = store
        self._url = url
        self._setting = setting

    @property
    def name(self) -> str:
        """Its URL."""
        return self._url

    def sizes(self, prefix: str) -> dict[str, int]:
        """See ``Place``."""
        try:
            return {
                one["path"]: one["size"]
                for page in obstore.list(self._store, prefix=prefix or None)
                for one in page
                if one["path"].startswith(prefix)
            }
        except (BaseError, OSError) as error:
            raise self._unusable(error) from error

    def read(self, name: str) -> bytes | None:
        """See ``Place``."""
        try:
            return bytes(obstore.get(self._store, name).bytes())
        except (NotFoundError, FileNotFoundError):
            return None
        except (BaseError, OSError) as error:
            raise self._unusable(error) from error

    def write(self, name: str, content: bytes) -> None:
        """See ``Place``."""
        try:
            obstore.put(self._store, name, content)
        except (BaseError, OSError) as error:
            raise self._unusable(error) from error

    def fetch(self, name: str, target: Path) -> None:
        """See ``Place``."""
        try:
            with target.open("wb") as sink:
                for block in obstore.get(self._store, name).stream(min_chunk_size=_BLOCK):
                    sink.write(block)
        except (NotFoundError, FileNotFoundError) as error:
            raise _missing(self._url, name) from error
        except (BaseError, OSError) as error:
            raise self._unusable(error) from error

    def store(self, name: str, source: Path) -> None:
        """See ``Place``."""
        with source.open("rb") as file:
            try:
                obstore.put(self._store, name, file)
            except (BaseError, OSError) as error:
                raise self._unusable(error) from error

    def settle(self) -> None:
        """See ``Place``."""

    def delete(self, names: Iterable[str]) -> None:
        """See ``Place``."""
        wanted = list(names)
        try:
            if wanted:
                obstore.delete(self._store, wanted)
        except (NotFoundError, FileNotFoundError):
            return
        except (BaseError, OSError) as error:
            raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> ParkError:
        return _unusable(self._url, error, self._setting)


def _missing(place: str, name: str) -> ParkError:
    return ParkError(
        zh=f"备份位置 {place} 中缺少文件 {name}：该备份不完整，请改用另一份备份",
        en=f"{place} lacks the file {name}: this backup is not whole, use another one",
        code="object_missing",
    )


def _unusable(place: str, error: Exception, setting: str = _BACKUPS) -> ParkError:
    cause = str(error).splitlines()[0][:300] if str(error) else type(error).__name__
    zh, en = ("备份位置", "backup place") if setting == _BACKUPS else ("数据目录", "data path")
    return ParkError(
        zh=f"{zh} {place} 不可用（{cause}）：请检查 {setting}、访问密钥、网络与剩余空间",
        en=f"the {en} {place} cannot be used ({cause}): check {setting}, its keys, the network and the space left",
        code="place_unusable",
    )
