"""Tiles of a map server, fetched by this server for whoever is signed in.

Belongs here: fetching, keeping and throwing away tiles. The key of the map server stays here: browsers know only our
own address. Does not belong here: answering requests (``routes.py``).
"""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import quote

import httpx

from warehouse.settings import Settings

TIMEOUT_SECONDS: Final = 10.0
LARGEST_BYTES: Final = 2 * 1024 * 1024
KINDS: Final = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif", b"RIFF": "image/webp"}
_LOOKED_AT_EVERY: Final = 200
"""Tiles kept between two looks at how much room they take."""


@dataclass(frozen=True)
class Tile:
    """A picture and its media type."""

    content: bytes
    kind: str


@dataclass
class Tiles:
    """The map servers of the settings; ``layers`` are drawn one over the other."""

    settings: Settings
    _kept: int = field(default=0)

    @property
    def layers(self) -> list[str]:
        """Addresses with placeholders, separated by blanks in the setting."""
        return self.settings.map_tiles.split()

    def get(self, layer: int, zoom: int, column: int, row: int) -> Tile | None:
        """One tile, from what was kept or from its server; None when there is none to be had."""
        if not 0 <= layer < len(self.layers):
            return None
        template = self.layers[layer]
        file = self._folder(template) / str(zoom) / str(column) / str(row)
        kept = self._read(file)
        if kept is not None:
            return kept
        fetched = _fetch(self._address(template, zoom, column, row))
        if fetched is None:
            return self._read(file, at_any_age=True)
        self._keep(file, fetched)
        return fetched

    def _address(self, template: str, zoom: int, column: int, row: int) -> str:
        key = self.settings.map_tiles_key.get_secret_value() if self.settings.map_tiles_key is not None else ""
        values = {"{z}": str(zoom), "{x}": str(column), "{y}": str(row), "{key}": quote(key, safe="")}
        for name, value in values.items():
            template = template.replace(name, value)
        return template

    def _folder(self, template: str) -> Path:
        return self.settings.home / "map" / "tiles" / hashlib.sha256(template.encode()).hexdigest()[:16]

    def _read(self, file: Path, *, at_any_age: bool = False) -> Tile | None:
        if not self.settings.map_tiles_cache_mb:
            return None
        try:
            if not at_any_age and time.time() - file.stat().st_mtime > self.settings.map_tiles_cache_days * 86_400:
                return None
            content = file.read_bytes()
        except OSError:
            return None
        kind = kind_of(content)
        return None if kind is None else Tile(content, kind)

    def _keep(self, file: Path, tile: Tile) -> None:
        if not self.settings.map_tiles_cache_mb:
            return
        part = file.with_name(f"{file.name}.{os.getpid()}.part")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(tile.content)
            part.replace(file)
        except OSError:
            # A full disk makes the map slower, not blank.
            return
        self._kept += 1
        if self._kept % _LOOKED_AT_EVERY == 1:
            self.make_room()

    def make_room(self) -> int:
        """Throw the oldest tiles away until the rest takes nine tenths of its room; returns how many went."""
        most = self.settings.map_tiles_cache_mb * 1024 * 1024
        found: list[tuple[float, int, Path]] = []
        for file in (self.settings.home / "map" / "tiles").rglob("*"):
            try:
                if file.is_file():
                    found.append((file.stat().st_mtime, file.stat().st_size, file))
            except OSError:
                continue
        total = sum(size for _written, size, _file in found)
        gone = 0
        if total > most:
            for _written, size, file in sorted(found):
                if total <= most * 0.9:
                    break
                file.unlink(missing_ok=True)
                total -= size
                gone += 1
        return gone


def kind_of(content: bytes) -> str | None:
    """The media type of a picture, by its first bytes; what a server calls it is not believed."""
    return next((kind for start, kind in KINDS.items() if content.startswith(start)), None)


def _fetch(address: str) -> Tile | None:
    try:
        with httpx.stream(
            "GET", address, timeout=TIMEOUT_SECONDS, follow_redirects=True, headers={"user-agent": "ParkCloud"}
        ) as answer:
            if answer.status_code != 200:
                return None
            content = bytearray()
            # Unpacked piece by piece: what is too large is never held whole.
            for piece in answer.iter_bytes(64 * 1024):
                content += piece
                if len(content) > LARGEST_BYTES:
                    return None
    except (httpx.HTTPError, httpx.InvalidURL):
        return None
    kind = kind_of(bytes(content[:16]))
    return None if kind is None else Tile(bytes(content), kind)
