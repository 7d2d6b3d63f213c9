"""Encryption of stored secrets.

Belongs here: the instance's key and the two operations with it. Does not belong here: what is encrypted, or passwords
(those are hashed, never encrypted).
"""

from __future__ import annotations

import contextlib
import os
from functools import lru_cache
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from warehouse.errors import ParkError
from warehouse.settings import Settings

KEY_FILE = "secret.key"


def encrypt(settings: Settings, secret: str) -> bytes:
    """Encrypt a secret with the instance's key."""
    return _cipher(settings).encrypt(secret.encode())


def decrypt(settings: Settings, token: bytes) -> str:
    """Give back what ``encrypt`` took.

    Raises:
        ParkError: code ``secret_key_changed``; the token was made with another key, or damaged.
    """
    try:
        return _cipher(settings).decrypt(token).decode()
    except InvalidToken as error:
        raise ParkError(
            zh="已保存的密钥无法解密：PARK_SECRET_KEY 或密钥文件已更换；请恢复原密钥，或重新生成上传凭证",
            en="a stored secret cannot be decrypted: PARK_SECRET_KEY or the key file has changed; "
            "restore the old key, or create the credentials anew",
            code="secret_key_changed",
        ) from error


def _cipher(settings: Settings) -> Fernet:
    given = settings.secret_key.get_secret_value() if settings.secret_key is not None else None
    return _make_cipher(given, settings.home / KEY_FILE)


@lru_cache(maxsize=16)
def _make_cipher(given: str | None, key_file: Path) -> Fernet:
    try:
        return Fernet(given.encode() if given is not None else _key_from_file(key_file))
    except ValueError as error:
        where = "PARK_SECRET_KEY" if given is not None else str(key_file)
        raise ParkError(
            zh=f"{where} 不是有效的密钥：应为 32 字节的 URL 安全 base64 文本",
            en=f"{where} is no valid key: it must be 32 bytes as URL-safe base64 text",
            code="bad_secret_key",
        ) from error


def _key_from_file(path: Path) -> bytes:
    """Read the key file; make it, readable by its owner only, when there is none."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}.partial")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(Fernet.generate_key())
            file.flush()
            os.fsync(file.fileno())
        # A link fails when another process made the file first; then that one counts.
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(partial)
        partial.unlink()
    if path.stat().st_mode & 0o077:
        raise ParkError(
            zh=f"密钥文件 {path} 可被他人读取；请执行 chmod 600 {path}",
            en=f"the key file {path} can be read by others; run chmod 600 {path}",
            code="secret_key_exposed",
        )
    return path.read_bytes().strip()
