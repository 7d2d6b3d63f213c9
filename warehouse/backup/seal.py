"""How a file is stored: compressed where that helps, encrypted to age recipients where they are set.

Belongs here: sealing a file, opening it again, its SHA-256. Does not belong here: where it lies (``place.py``).
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyrage
import zstandard

from warehouse.errors import ParkError
from warehouse.settings import Settings

_BLOCK: Final = 1024 * 1024
COMPRESSED: Final = ".zst"


def sha256(path: Path) -> str:
    """Of a file's content, 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


@dataclass(frozen=True)
class Sealer:
    """Seals files for ``recipients``, or leaves them readable when there are none."""

    recipients: tuple[str, ...]

    @property
    def space(self) -> str:
        """Part of an object's name: what was sealed for others cannot be used again."""
        if not self.recipients:
            return "plain"
        return "age-" + hashlib.sha256("\n".join(sorted(self.recipients)).encode()).hexdigest()[:12]

    def object_name(self, digest: str, *, is_compressed: bool) -> str:
        """Under which name content with this SHA-256 is stored."""
        return f"objects/{self.space}/{digest[:2]}/{digest}{COMPRESSED if is_compressed else ''}"

    def seal(self, source: Path, folder: Path, *, is_compressed: bool) -> Path:
        """Write the stored form into ``folder``; the source itself when nothing is to be done to it."""
        made = source
        if is_compressed:
            made = folder / "sealing.zst"
            with source.open("rb") as file, made.open("wb") as sink:
                zstandard.ZstdCompressor(level=3).copy_stream(file, sink)
        if self.recipients:
            target = folder / "sealing.age"
            pyrage.encrypt_file(str(made), str(target), [_recipient(one) for one in self.recipients])
            return target
        return made


@dataclass(frozen=True)
class Opener:
    """Opens what was sealed; ``identities`` are the secret keys."""

    identities: tuple[str, ...]

    def open(self, stored: Path, target: Path, object_name: str) -> None:
        """Write the content of ``stored`` to ``target``.

        Raises:
            ParkError: the identity is missing or another one, or the stored file is damaged.
        """
        with tempfile.TemporaryDirectory(dir=stored.parent) as folder:
            readable = stored
            if object_name.startswith("objects/age-"):
                readable = Path(folder) / "opened"
                self._decrypt(stored, readable, object_name)
            if object_name.endswith(COMPRESSED):
                try:
                    with readable.open("rb") as file, target.open("wb") as sink:
                        zstandard.ZstdDecompressor().copy_stream(file, sink)
                except zstandard.ZstdError as error:
                    raise damaged(object_name) from error
            else:
                readable.rename(target)

    def _decrypt(self, stored: Path, target: Path, object_name: str) -> None:
        if not self.identities:
            raise ParkError(
                zh="该备份已加密：请用 PARK_BACKUP_IDENTITY_FILE 或 --identity 指定 age 私钥文件",
                en="this backup is encrypted: name the file of the age identity by PARK_BACKUP_IDENTITY_FILE "
                "or --identity",
                code="identity_missing",
            )
        try:
            pyrage.decrypt_file(str(stored), str(target), [pyrage.x25519.Identity.from_str(i) for i in self.identities])
        except pyrage.DecryptError as error:
            if "matching" in str(error).lower():
                raise ParkError(
                    zh="私钥与该备份的收件人不符：请使用备份时的 age 私钥",
                    en="the identity does not belong to this backup's recipients: use the one of that time",
                    code="identity_wrong",
                ) from error
            raise damaged(object_name) from error


def sealer_of(settings: Settings) -> Sealer:
    """The sealer that the settings ask for.

    Raises:
        ParkError: a recipient is none.
    """
    recipients = tuple(settings.backup_recipients.replace(",", " ").split())
    for one in recipients:
        _recipient(one)
    return Sealer(recipients)


def opener_of(settings: Settings, identity_file: Path | None = None) -> Opener:
    """The opener with the identities of ``identity_file``, else of the settings, else with none.

    Raises:
        ParkError: the file cannot be read or holds no identity.
    """
    path = identity_file or settings.backup_identity_file
    if path is None:
        return Opener(())
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise _bad_identity(path, str(error)) from error
    return Opener(_identities(path, lines))


def _identities(path: Path, lines: Sequence[str]) -> tuple[str, ...]:
    found = tuple(line.strip() for line in lines if line.strip() and not line.startswith("#"))
    try:
        for one in found:
            pyrage.x25519.Identity.from_str(one)
    except pyrage.IdentityError as error:
        raise _bad_identity(path, "AGE-SECRET-KEY-1…?") from error
    if not found:
        raise _bad_identity(path, "empty")
    return found


def _recipient(text: str) -> pyrage.x25519.Recipient:
    try:
        return pyrage.x25519.Recipient.from_str(text)
    except pyrage.RecipientError as error:
        raise ParkError(
            zh=f"PARK_BACKUP_RECIPIENTS 中的 {text} 不是 age 公钥：应以 age1 开头",
            en=f"{text} in PARK_BACKUP_RECIPIENTS is no age recipient: it begins with age1",
            code="bad_recipient",
        ) from error


def _bad_identity(path: Path, cause: str) -> ParkError:
    return ParkError(
        zh=f"私钥文件 {path} 不可用（{cause}）：应为 age-keygen 生成的文件",
        en=f"the identity file {path} cannot be used ({cause}): it is the file that age-keygen makes",
        code="bad_identity",
    )


def damaged(name: str) -> ParkError:
    """The error of content that is not what was stored."""
    return ParkError(
        zh=f"备份文件 {name} 已损坏，内容与备份时不符：请改用另一份备份，并检查备份位置的磁盘",
        en=f"the backup's file {name} is damaged, it is not what was stored: use another backup, "
        "and check the disk of the backup place",
        code="backup_damaged",
    )
