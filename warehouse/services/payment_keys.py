"""Keys that payment providers hand out: reading what people paste, and fingerprints that may be shown.

Belongs here: RSA keys in PEM or bare base64. Does not belong here: which keys a provider needs
(``payment_accounts.py``).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
)
from cryptography.x509 import load_der_x509_certificate

from warehouse.services.fields import Fields

_ARMOUR: Final = re.compile(r"-----(BEGIN|END) [A-Z0-9 ]+-----")
_SHORTEST_BITS: Final = 2048
_LONGEST: Final = 20_000


def private_key(fields: Fields, name: str, typed: str) -> RSAPrivateKey | None:
    """An RSA private key of at least 2048 bits, from PEM or bare base64, PKCS#1 or PKCS#8; else a problem is noted."""
    key: object = None
    if (der := _der(typed)) is not None:
        try:
            key = load_der_private_key(der, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            key = None
    if not isinstance(key, RSAPrivateKey):
        fields.wrong(
            name,
            "不是 RSA 私钥：请粘贴完整的 PEM 文本或 base64 内容，不要带密码",
            "is no RSA private key: paste the whole PEM text or its base64, without a password",
        )
        return None
    return key if _is_long_enough(fields, name, key.key_size) else None


def public_key(fields: Fields, name: str, typed: str) -> RSAPublicKey | None:
    """An RSA public key of at least 2048 bits, from PEM, bare base64 or a PEM certificate; else a problem is noted."""
    key: object = None
    try:
        der = _der(typed)
        if der is not None and "BEGIN CERTIFICATE" in typed:
            key = load_der_x509_certificate(der).public_key()
        elif der is not None:
            key = load_der_public_key(der)
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPublicKey):
        fields.wrong(
            name,
            "不是 RSA 公钥：请粘贴完整的 PEM 文本、base64 内容或证书",
            "is no RSA public key: paste the whole PEM text, its base64, or a certificate",
        )
        return None
    return key if _is_long_enough(fields, name, key.key_size) else None


def private_pem(key: RSAPrivateKey) -> str:
    """PKCS#8 PEM, to be encrypted by the caller."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_pem(key: RSAPublicKey) -> str:
    """SubjectPublicKeyInfo PEM."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def fingerprint(key: RSAPublicKey) -> str:
    """First 8 hexadecimal digits of SHA-256 over the public key in DER: tells keys apart and gives nothing away."""
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()[:8]


def _der(typed: str) -> bytes | None:
    """The bytes of PEM text, whose line ends a one-line field may have dropped, or of bare base64."""
    text = "".join(_ARMOUR.sub("", typed).split())
    if not text or len(text) > _LONGEST:
        return None
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _is_long_enough(fields: Fields, name: str, bits: int) -> bool:
    if bits < _SHORTEST_BITS:
        fields.wrong(
            name,
            f"密钥只有 {bits} 位，至少应为 {_SHORTEST_BITS} 位",
            f"has {bits} bits only, at least {_SHORTEST_BITS} are needed",
        )
        return False
    return True
