"""Upload credentials and the encryption of their secrets."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from warehouse.errors import ParkError
from warehouse.ops.models import Lot, LotCredential, Node
from warehouse.ops.session import migrate, ops_session
from warehouse.security.credentials import create_credential, find_key, list_credentials, revoke_credential, sign
from warehouse.security.secrets import KEY_FILE, decrypt, encrypt
from warehouse.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = Settings(home=tmp_path / "home")
    migrate(made)
    with ops_session(made) as session:
        session.add(Node(node_id=1, parent_id=None, level="platform", code="p", name="p"))
        session.flush()
        session.add(Lot(lot_id=1, customer_id=1, code="L1", name="L1", time_zone="Europe/London", cutover_minutes=30))
    return made


def test_a_credential_is_found_with_its_secret_and_its_lot(settings: Settings) -> None:
    with ops_session(settings) as session:
        key_id, secret = create_credential(session, settings, 1)
    with ops_session(settings) as session:
        key = find_key(session, settings, key_id)
        stored = session.get_one(LotCredential, key_id).secret_encrypted
    assert key is not None
    assert (key.secret, key.lot_id, key.code, key.time_zone, key.cutover_minutes) == (
        secret,
        1,
        "L1",
        "Europe/London",
        30,
    )
    assert secret.encode() not in stored


def test_a_revoked_credential_is_not_found_and_keeps_its_first_end(settings: Settings) -> None:
    with ops_session(settings) as session:
        key_id, _ = create_credential(session, settings, 1)
        revoke_credential(session, key_id)
        ended = session.get_one(LotCredential, key_id).revoked_at
        revoke_credential(session, key_id)
        assert session.get_one(LotCredential, key_id).revoked_at == ended
        assert find_key(session, settings, key_id) is None
        assert [found.key_id for found in list_credentials(session, 1)] == [key_id]


def test_unknown_lots_and_keys_are_named(settings: Settings) -> None:
    with ops_session(settings) as session:
        with pytest.raises(ParkError, match="no lot 9"):
            create_credential(session, settings, 9)
        with pytest.raises(ParkError, match="no credential nothing"):
            revoke_credential(session, "nothing")


def test_the_key_file_is_made_once_and_readable_by_its_owner_only(settings: Settings) -> None:
    token = encrypt(settings, "秘密")
    path = settings.home / KEY_FILE
    assert path.stat().st_mode & 0o777 == 0o600
    assert decrypt(settings, token) == "秘密"
    assert decrypt(Settings(home=settings.home, language="en"), token) == "秘密"


def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / KEY_FILE
    path.write_bytes(Fernet.generate_key())
    path.chmod(0o644)
    with pytest.raises(ParkError, match="chmod 600"):
        encrypt(Settings(home=tmp_path), "x")


def test_another_key_does_not_open_the_secret_and_a_bad_one_is_named(tmp_path: Path) -> None:
    one = Settings(home=tmp_path, secret_key=SecretStr(Fernet.generate_key().decode()))
    other = Settings(home=tmp_path, secret_key=SecretStr(Fernet.generate_key().decode()))
    with pytest.raises(ParkError, match="has changed"):
        decrypt(other, encrypt(one, "x"))
    with pytest.raises(ParkError, match="PARK_SECRET_KEY is no valid key"):
        encrypt(Settings(home=tmp_path, secret_key=SecretStr("short")), "x")
    assert not (tmp_path / KEY_FILE).exists()


def test_the_signature_is_the_documented_one() -> None:
    # Computed with: printf 'POST\n/v1/lots/L1/records\n1777593600\n0123456789abcdef\n%s' "$(printf '{}' | sha256sum |
    # cut -d' ' -f1)" | openssl dgst -sha256 -hmac secret
    expected = "76489442f180082b867e8a364d5d27d46d81712c8dc5e2ccbe21cc543147989a"
    assert sign("secret", "POST", "/v1/lots/L1/records", "1777593600", "0123456789abcdef", b"{}") == expected
