"""Password hashes.

Belongs here: hashing and checking one password. Does not belong here: who may try how often (logins.py) and what a
successful check opens (sessions.py). Both functions take tens of milliseconds of CPU by intention: call them in a
thread, never on an event loop.
"""

from __future__ import annotations

from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# argon2id with the memory and passes that OWASP recommends for interactive logins: 19 MiB, 2 passes, 1 lane.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)

MAX_PASSWORD_LENGTH = 256
"""Longer input is refused unread, so that nobody makes the server hash megabytes."""


def hash_password(password: str) -> str:
    """The argon2id hash of ``password``, salted, in PHC string format."""
    return _HASHER.hash(password)


@lru_cache(maxsize=1)
def _nobodys_hash() -> str:
    return _HASHER.hash("the hash that unknown logins are checked against")


def password_matches(password_hash: str | None, password: str) -> bool:
    """Whether ``password`` belongs to ``password_hash``.

    ``None`` stands for a login that does not exist: the same work is done against a hash of nobody's, so that the
    time of the answer does not tell which logins exist.
    """
    try:
        return _HASHER.verify(password_hash or _nobodys_hash(), password) and password_hash is not None
    except (VerificationError, InvalidHashError):
        return False


def needs_rehash(password_hash: str) -> bool:
    """Whether the hash was made with weaker parameters than today's."""
    return _HASHER.check_needs_rehash(password_hash)
