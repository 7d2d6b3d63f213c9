"""Accounts with Alipay and WeChat Pay: what is checked, what is kept, what is shown."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.unit.services.tree.conftest import LOT, World
from warehouse.errors import ParkError
from warehouse.ops.models import PaymentAccount
from warehouse.security.actor import LOCAL
from warehouse.services.fields import InvalidFields
from warehouse.services.payment_accounts import (
    PaymentForm,
    PaymentView,
    payment_accounts,
    read_secrets,
    save_payment_account,
)
from warehouse.services.payment_keys import private_pem, public_pem

OURS = rsa.generate_private_key(65537, 2048)
THEIRS = rsa.generate_private_key(65537, 2048)
API_V3_KEY = "0123456789abcdefghijklmnopqrstuv"
ALIPAY = PaymentForm(
    True,
    {"app_id": "2021000000000001"},
    {"private_key": private_pem(OURS), "platform_public_key": public_pem(THEIRS.public_key())},
)
WECHAT = PaymentForm(
    True,
    {
        "app_id": "wx0123456789abcdef",
        "merchant_id": "1900000001",
        "certificate_serial": "5157f09efdc096de15ebe81a47057a7232f1b8e1",
        "platform_key_id": "PUB_KEY_ID_0119000000012025010100000000000001",
    },
    {
        "private_key": private_pem(OURS),
        "api_v3_key": API_V3_KEY,
        "platform_public_key": public_pem(THEIRS.public_key()),
    },
)


def account(world: World, provider: str) -> PaymentView:
    found = {view.provider: view for view in payment_accounts(world.settings, world.actor("admin"), LOT)}
    return found[provider]


def save(world: World, provider: str, form: PaymentForm, version: int = 0) -> None:
    save_payment_account(world.settings, world.actor("admin"), LOT, provider, version, form)


def with_keys(form: PaymentForm, keys: Mapping[str, str]) -> PaymentForm:
    return replace(form, keys={**form.keys, **keys})


@pytest.mark.parametrize(("provider", "form"), [("alipay", ALIPAY), ("wechat", WECHAT)])
def test_secrets_go_in_and_are_seen_nowhere_but_by_the_payment_itself(
    world: World, provider: str, form: PaymentForm
) -> None:
    assert account(world, provider).version == 0
    save(world, provider, form)
    view = account(world, provider)
    assert (view.is_enabled, view.version) == (True, 1)
    assert all(key.is_set and key.changed_at for key in view.keys.values())
    assert view.keys["private_key"].fingerprint is not None
    assert len(view.keys["private_key"].fingerprint) == 8
    [command] = world.commands()
    assert (command.kind, command.subject) == ("payment_settings", f"payment_settings/{provider}")
    assert command.payload["app_id"] == form.plain["app_id"]
    secrets = [private_pem(OURS), private_pem(OURS).splitlines()[3], API_V3_KEY]
    seen = repr((view, command.payload, [(entry.before, entry.after) for entry in world.entries()], form))
    store = (world.settings.home / "ops.sqlite").read_bytes() + (world.settings.home / "ops.sqlite-wal").read_bytes()
    for secret in secrets:
        assert secret not in seen
        assert secret.encode() not in store
    read = read_secrets(world.settings, LOCAL, LOT, provider)
    assert read.secrets["private_key"] == private_pem(OURS)
    assert read.platform_public_key == public_pem(THEIRS.public_key())
    assert private_pem(OURS).splitlines()[3] not in repr(read)
    last = world.entries()[-1]
    assert (last.login, last.action, last.lot_id) == ("local", "lots.read_secrets", LOT)


def test_empty_secrets_keep_what_there_is_and_a_new_one_replaces_only_itself(world: World) -> None:
    save(world, "wechat", WECHAT)
    first = account(world, "wechat")
    kept = replace(WECHAT, keys={}, plain={**WECHAT.plain, "merchant_id": "1900000002"})
    save(world, "wechat", kept, first.version)
    second = account(world, "wechat")
    assert second.plain["merchant_id"] == "1900000002"
    assert second.keys == first.keys
    save(world, "wechat", replace(kept, keys={"api_v3_key": API_V3_KEY[::-1]}), second.version)
    read = read_secrets(world.settings, LOCAL, LOT, "wechat")
    assert read.secrets == {"private_key": private_pem(OURS), "api_v3_key": API_V3_KEY[::-1]}
    third = account(world, "wechat")
    assert third.keys["private_key"] == first.keys["private_key"]
    assert third.keys["api_v3_key"] != first.keys["api_v3_key"]


def test_an_unchanged_form_writes_nothing(world: World) -> None:
    save(world, "alipay", ALIPAY)
    save(world, "alipay", replace(ALIPAY, keys={}), 1)
    assert account(world, "alipay").version == 1
    assert len(world.entries()) == len(world.commands()) == 1


def test_keys_are_taken_as_providers_hand_them_out(world: World) -> None:
    pkcs1 = OURS.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    bare = base64.b64encode(pkcs1).decode()
    body = "".join(public_pem(THEIRS.public_key()).splitlines()[1:-1])
    save(world, "alipay", with_keys(ALIPAY, {"private_key": f" {bare}\n", "platform_public_key": body}))
    read = read_secrets(world.settings, LOCAL, LOT, "alipay")
    assert read.secrets["private_key"] == private_pem(OURS)
    assert read.platform_public_key == public_pem(THEIRS.public_key())


def test_a_certificate_is_taken_for_its_public_key_even_with_its_lines_run_together(world: World) -> None:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "platform")])
    begins = datetime(2026, 1, 1, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder(name, name, THEIRS.public_key(), 1, begins, begins + timedelta(days=365))
        .sign(THEIRS, hashes.SHA256())
        .public_bytes(Encoding.PEM)
        .decode()
    )
    for typed in (certificate, certificate.replace("\n", "")):
        account_before = account(world, "wechat")
        save(world, "wechat", with_keys(WECHAT, {"platform_public_key": typed}), account_before.version)
        read = read_secrets(world.settings, LOCAL, LOT, "wechat")
        assert read.platform_public_key == public_pem(THEIRS.public_key())


SHORT = rsa.generate_private_key(65537, 1024)
ELLIPTIC = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize(
    ("provider", "wrong", "field"),
    [
        ("alipay", with_keys(ALIPAY, {"private_key": "not a key"}), "private_key"),
        ("alipay", with_keys(ALIPAY, {"private_key": private_pem(OURS)[:-200]}), "private_key"),
        ("alipay", with_keys(ALIPAY, {"private_key": private_pem(SHORT)}), "private_key"),
        ("alipay", with_keys(ALIPAY, {"private_key": ELLIPTIC.decode()}), "private_key"),
        ("alipay", with_keys(ALIPAY, {"private_key": public_pem(OURS.public_key())}), "private_key"),
        ("alipay", with_keys(ALIPAY, {"platform_public_key": private_pem(THEIRS)}), "platform_public_key"),
        ("alipay", with_keys(ALIPAY, {"platform_public_key": public_pem(OURS.public_key())}), "platform_public_key"),
        ("alipay", with_keys(ALIPAY, {"private_key": ""}), "private_key"),
        ("alipay", replace(ALIPAY, plain={"app_id": "2021"}), "app_id"),
        ("wechat", with_keys(WECHAT, {"api_v3_key": API_V3_KEY[:-1]}), "api_v3_key"),
        ("wechat", with_keys(WECHAT, {"api_v3_key": "密" * 32}), "api_v3_key"),
        ("wechat", replace(WECHAT, plain={**WECHAT.plain, "merchant_id": "12"}), "merchant_id"),
        ("wechat", replace(WECHAT, plain={**WECHAT.plain, "certificate_serial": "XYZ"}), "certificate_serial"),
        ("wechat", replace(WECHAT, plain={**WECHAT.plain, "platform_key_id": ""}), "platform_key_id"),
    ],
)
def test_what_is_wrong_is_told_at_its_field_and_nothing_is_kept(
    world: World, provider: str, wrong: PaymentForm, field: str
) -> None:
    with pytest.raises(InvalidFields) as caught:
        save(world, provider, wrong)
    [problem] = caught.value.problems
    assert problem.field == field
    assert problem.zh != problem.en
    assert "BEGIN" not in problem.en
    assert world.count(PaymentAccount) == 0


def test_an_account_that_is_not_enabled_may_wait_for_its_keys_but_pays_nothing(world: World) -> None:
    save(world, "alipay", replace(ALIPAY, is_enabled=False, keys={}))
    assert not account(world, "alipay").keys["private_key"].is_set
    with pytest.raises(ParkError) as caught:
        read_secrets(world.settings, LOCAL, LOT, "alipay")
    assert caught.value.code == "no_payment_account"


def test_a_stale_form_is_refused(world: World) -> None:
    save(world, "alipay", ALIPAY)
    for version in (0, 2):
        with pytest.raises(ParkError) as caught:
            save(world, "alipay", replace(ALIPAY, is_enabled=False), version)
        assert caught.value.code == "conflict"
    assert account(world, "alipay").is_enabled
