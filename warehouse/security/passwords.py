"""Passwords: their hashes, and which ones may be chosen.

Belongs here: hashing and checking one password, the rules for a new one. Does not belong here: who may try how often
and changing a password (logins.py), what a successful check opens (sessions.py). Hashing and checking take tens of
milliseconds of CPU by intention: call them in a thread, never on an event loop.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from warehouse.services.fields import Fields

# argon2id with the memory and passes that OWASP recommends for interactive logins: 19 MiB, 2 passes, 1 lane.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)

MAX_PASSWORD_LENGTH = 256
"""Longer input is refused unread, so that nobody makes the server hash megabytes."""

MIN_PASSWORD_LENGTH = 10
MIN_DISTINCT = 5
"""Fewer different characters are a pattern like 1212121212."""

_COMMON_FILE = Path(__file__).parent / "common_passwords.txt"
_SUBSTITUTED = str.maketrans("@4301!$57", "aaeoiisst")
_SHIFTED = str.maketrans("!@#$%^&*()", "1234567890")
_RUNS = ("0123456789" * 2, "9876543210" * 2)
_CLASSES = (str.islower, str.isupper, str.isdigit, lambda character: not character.isalnum() or not character.isascii())


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
    nobodys = _nobodys_hash()
    try:
        return _HASHER.verify(password_hash or nobodys, password) and password_hash is not None
    except (VerificationError, InvalidHashError):
        return False


def needs_rehash(password_hash: str) -> bool:
    """Whether the hash was made with weaker parameters than today's."""
    return _HASHER.check_needs_rehash(password_hash)


def check_new_password(fields: Fields, name: str, password: str, *, login: str, person: str) -> None:
    """Note every rule that a new password breaks as a problem of the field ``name``.

    Args:
        fields: collects the problems.
        name: the form's field.
        password: as typed; blanks count.
        login: the operator's login, which the password must not be.
        person: the operator's name, likewise.
    """
    if not MIN_PASSWORD_LENGTH <= len(password) <= MAX_PASSWORD_LENGTH:
        fields.wrong(
            name,
            f"密码应为 {MIN_PASSWORD_LENGTH} 至 {MAX_PASSWORD_LENGTH} 个字符，现有 {len(password)} 个",
            f"a password has {MIN_PASSWORD_LENGTH} to {MAX_PASSWORD_LENGTH} characters, this one has {len(password)}",
        )
        return
    if sum(any(map(belongs, password)) for belongs in _CLASSES) < 2:
        fields.wrong(
            name,
            "密码应至少包含小写字母、大写字母、数字、其他字符中的两类",
            "a password holds at least two of: lower-case letters, capitals, digits, other characters",
        )
    if _is_made_of(password, login) or _is_made_of(password, person):
        fields.wrong(
            name,
            "密码不能是账号或姓名，前后加数字或符号也不行",
            "a password must not be the login or the name, nor these with digits or signs around them",
        )
    elif _is_common(password):
        fields.wrong(
            name,
            "这个密码太常见，容易被猜到：请换一个，例如几个不相关的词",
            "this password is too common and is guessed first: choose another, for example several unrelated words",
        )


def _bare(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))


def _core(text: str) -> str:
    """The letters left when digits and signs at both ends are gone and usual substitutions are undone."""
    inner = re.sub(r"^[\W\d_]+|[\W\d_]+$", "", text.casefold()).translate(_SUBSTITUTED)
    return "".join(filter(str.isalpha, inner))


def _is_made_of(password: str, word: str) -> bool:
    bare, core = _bare(word), _core(word)
    return bool(bare and _bare(password) == bare) or bool(core and _core(password) == core)


def _is_common(password: str) -> bool:
    bare = _bare(password)
    if len(set(password.casefold())) < MIN_DISTINCT or _core(password) in _common():
        return True
    digits = "".join(filter(str.isdigit, bare))
    is_number = bool(digits) and len(bare) - len(digits) <= 2
    if is_number and (digits in _common() or any(digits in run for run in _RUNS)):
        return True
    return bare in _common() or _bare(password.translate(_SHIFTED)) in _common()


@lru_cache(maxsize=1)
def _common() -> frozenset[str]:
    lines = _COMMON_FILE.read_text(encoding="utf-8").splitlines()
    return frozenset(word for line in lines if not line.startswith("#") for word in line.split())
