"""A lot's accounts with Alipay and WeChat Pay.

Belongs here: what the providers' official protocols need, checked, secrets encrypted. Does not belong here: paying.
Secrets go in and are never shown: a view says whether each is set, since when, and the fingerprint of its public part.

Alipay signs with RSA2: our private key, Alipay's public key. WeChat Pay v3: the merchant's private key and the serial
number of its certificate, the API v3 key that decrypts notices, and the platform's public key with its id.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import select

from warehouse.errors import ParkError
from warehouse.ops.models import PaymentAccount
from warehouse.security.actor import Actor
from warehouse.security.secrets import decrypt, encrypt
from warehouse.services import payment_keys
from warehouse.services.fields import Fields
from warehouse.services.work import Work, locked, reading, visible_lot, working
from warehouse.settings import Settings

PAYMENT_SETTINGS: Final = "payment_settings"
"""Downlink command: the public fields of a lot's account with one provider."""

PROVIDERS: Final = ("alipay", "wechat")
SIGN_TYPE: Final = "RSA2"
_EXPECTED: Final = {
    "alipay": {"app_id": (r"\d{16}", "16 位数字", "16 digits")},
    "wechat": {
        "app_id": (r"wx[0-9a-f]{16}", "wx 开头的 18 位编号", "wx and 16 letters or digits"),
        "merchant_id": (r"\d{8,10}", "8 至 10 位数字", "8 to 10 digits"),
        "certificate_serial": (r"[0-9A-F]{40}", "40 位十六进制数", "40 hexadecimal digits"),
        "platform_key_id": (
            r"(PUB_KEY_ID_[0-9A-F]{24,40}|[0-9A-F]{40})",
            "PUB_KEY_ID_ 开头的公钥编号，或平台证书的 40 位序列号",
            "the public key's id (PUB_KEY_ID_…) or the platform certificate's 40 digits",
        ),
    },
}
"""Plain fields of each provider: pattern, and what is expected in both languages."""

SECRETS: Final = {"alipay": ("private_key",), "wechat": ("private_key", "api_v3_key")}
PLATFORM_KEY: Final = "platform_public_key"
_CAPITAL: Final = ("certificate_serial", "platform_key_id")


@dataclass(frozen=True)
class PaymentForm:
    """What people type; ``keys`` are the secrets and the platform's public key, an empty one keeps what there is."""

    is_enabled: bool
    plain: Mapping[str, str]
    keys: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class KeyView:
    """Whether a key is set, when it was, and the fingerprint of its public part where it has one."""

    is_set: bool
    fingerprint: str | None = None
    changed_at: datetime | None = None


@dataclass(frozen=True)
class PaymentView:
    """An account without its secrets; ``version`` 0 when there is none yet."""

    provider: str
    is_enabled: bool
    plain: dict[str, str]
    keys: dict[str, KeyView]
    updated_at: datetime | None
    version: int


@dataclass(frozen=True)
class PaymentSecrets:
    """What signing needs. Never shown, never logged."""

    provider: str
    plain: dict[str, str]
    platform_public_key: str
    secrets: dict[str, str] = field(repr=False)


def payment_accounts(settings: Settings, actor: Actor, lot_id: int) -> list[PaymentView]:
    """The lot's account with each provider, Alipay first.

    Raises:
        Forbidden: the lot is not there for this actor.
    """
    with reading(settings, actor, "lots.view") as session:
        visible_lot(session, actor, lot_id)
        rows = {
            row.provider: row for row in session.scalars(select(PaymentAccount).where(PaymentAccount.lot_id == lot_id))
        }
        return [_view(provider, rows.get(provider)) for provider in PROVIDERS]


def save_payment_account(
    settings: Settings, actor: Actor, lot_id: int, provider: str, version: int, form: PaymentForm
) -> None:
    """Set up or change an account. The lot is told all of it; what is secret lies sealed until it is delivered.

    Raises:
        Forbidden: the lot is not there for this actor.
        InvalidFields: by field; a key that is not set may not be left empty in an account that is enabled.
        ParkError: ``conflict``.
    """
    with working(settings, actor, "lots.edit") as work:
        lot = work.lot(lot_id)
        row = _row(work, lot_id, provider)
        _expect(work, row, lot_id, provider, version)
        kept = dict(row.public) if row is not None else {}
        secrets = _decrypted(work, row)
        fields = Fields()
        public = {**_plain(fields, provider, form), **({"sign_type": SIGN_TYPE} if provider == "alipay" else {})}
        keys, changed = _keys(fields, provider, form, kept, secrets, work.now)
        if form.is_enabled:
            for name in (*SECRETS[provider], PLATFORM_KEY):
                if name not in keys and not any(problem.field == name for problem in fields.problems):
                    fields.wrong(name, "启用前必须填写", "is required before the account is enabled")
        fields.done()
        before = None if row is None else _picture(row)
        if row is None:
            row = PaymentAccount(lot_id=lot_id, provider=provider, public={}, updated_at=work.now)
            work.session.add(row)
        elif row.is_enabled == form.is_enabled and row.public == public | {"keys": keys} and not changed:
            return
        row.is_enabled, row.public, row.updated_at = form.is_enabled, public | {"keys": keys}, work.now
        if changed:
            row.secrets_encrypted = encrypt(work.settings, json.dumps(secrets))
        work.session.flush()
        work.record(
            "payment_account", f"{lot_id}/{provider}", f"{lot.name} {provider}", before, _picture(row), lot_id=lot_id
        )
        payload = {"provider": provider, "is_enabled": row.is_enabled, **public}
        told = {**secrets, PLATFORM_KEY: keys[PLATFORM_KEY]["public_key"]} if form.is_enabled else None
        work.command(lot_id, PAYMENT_SETTINGS, f"{PAYMENT_SETTINGS}/{provider}", payload, secrets=told)


def read_secrets(settings: Settings, actor: Actor, lot_id: int, provider: str) -> PaymentSecrets:
    """What paying through an account needs; the operator log says who read it.

    Raises:
        Forbidden: the lot is not there for this actor, or it may not edit lots.
        ParkError: ``no_payment_account`` when there is none that is enabled.
    """
    with working(settings, actor, "lots.edit") as work:
        lot = work.lot(lot_id)
        row = _row(work, lot_id, provider)
        if row is None or not row.is_enabled:
            raise ParkError(
                zh=f"停车场“{lot.name}”未启用 {provider} 收款账户：请先在停车场管理中设置",
                en=f"the lot “{lot.name}” has no enabled {provider} account: set it up first",
                code="no_payment_account",
            )
        work.record(
            "payment_account",
            f"{lot_id}/{provider}",
            f"{lot.name} {provider}",
            None,
            {"read": list(SECRETS[provider])},
            lot_id=lot_id,
            action="lots.read_secrets",
        )
        plain = {name: value for name, value in row.public.items() if isinstance(value, str)}
        platform = row.public["keys"][PLATFORM_KEY]["public_key"]
        return PaymentSecrets(provider, plain, platform, _decrypted(work, row))


def _row(work: Work, lot_id: int, provider: str) -> PaymentAccount | None:
    if provider not in PROVIDERS:
        raise KeyError(provider)
    query = select(PaymentAccount).where(PaymentAccount.lot_id == lot_id, PaymentAccount.provider == provider)
    return work.session.scalar(locked(query))


def _expect(work: Work, row: PaymentAccount | None, lot_id: int, provider: str, version: int) -> None:
    if row is not None:
        work.expect(row, version, "payment_account", f"{lot_id}/{provider}")


def _decrypted(work: Work, row: PaymentAccount | None) -> dict[str, str]:
    if row is None or row.secrets_encrypted is None:
        return {}
    secrets: dict[str, str] = json.loads(decrypt(work.settings, row.secrets_encrypted))
    return secrets


def _plain(fields: Fields, provider: str, form: PaymentForm) -> dict[str, str]:
    found = {}
    for name, (pattern, zh, en) in _EXPECTED[provider].items():
        value = fields.text(name, form.plain.get(name), required=True, longest=80)
        if value is None:
            continue
        value = value.upper() if name in _CAPITAL else value
        if not re.fullmatch(pattern, value):
            fields.wrong(name, f"“{value}”应为{zh}", f"“{value}” must be {en}")
        found[name] = value
    return found


def _keys(
    fields: Fields,
    provider: str,
    form: PaymentForm,
    kept: Mapping[str, Any],
    secrets: dict[str, str],
    now: datetime,
) -> tuple[dict[str, dict[str, str]], bool]:
    """What may be told of each key, and whether ``secrets``, brought up to date, has changed."""
    keys: dict[str, dict[str, str]] = dict(kept.get("keys", {}))
    stamp = {"changed_at": now.astimezone(UTC).isoformat()}
    changed = False
    for name in (*SECRETS[provider], PLATFORM_KEY):
        typed = (form.keys.get(name) or "").strip()
        if not typed:
            continue
        if name == "api_v3_key":
            if len(typed.encode()) != 32 or not typed.isascii():
                fields.wrong(
                    name,
                    f"应为 32 个字母或数字，现有 {len(typed)} 个",
                    f"must be 32 letters or digits, not {len(typed)}",
                )
                continue
            secrets[name], changed = typed, True
            keys[name] = stamp
        elif name == PLATFORM_KEY:
            if (public := payment_keys.public_key(fields, name, typed)) is not None:
                shown = {"fingerprint": payment_keys.fingerprint(public), "public_key": payment_keys.public_pem(public)}
                if keys.get(name, {}).get("public_key") != shown["public_key"]:
                    keys[name] = stamp | shown
        elif (private := payment_keys.private_key(fields, name, typed)) is not None:
            secrets[name], changed = payment_keys.private_pem(private), True
            keys[name] = stamp | {"fingerprint": payment_keys.fingerprint(private.public_key())}
    own, platform = keys.get("private_key", {}), keys.get(PLATFORM_KEY, {})
    if own and own.get("fingerprint") == platform.get("fingerprint"):
        fields.wrong(
            PLATFORM_KEY,
            "这是您自己私钥的公钥：请填支付平台的公钥",
            "is the public half of your own key: give the provider's",
        )
    return keys, changed


def _picture(row: PaymentAccount) -> dict[str, Any]:
    """For the operator log: fingerprints and times instead of keys."""
    keys = {
        name: {part: value for part, value in key.items() if part != "public_key"}
        for name, key in row.public["keys"].items()
    }
    return {**row.public, "is_enabled": row.is_enabled, "keys": keys}


def _view(provider: str, row: PaymentAccount | None) -> PaymentView:
    public: Mapping[str, Any] = row.public if row is not None else {}
    keys = public.get("keys", {})
    return PaymentView(
        provider=provider,
        is_enabled=row.is_enabled if row is not None else False,
        plain={name: public.get(name, "") for name in _EXPECTED[provider]},
        keys={name: _key_view(keys.get(name)) for name in (*SECRETS[provider], PLATFORM_KEY)},
        updated_at=row.updated_at if row is not None else None,
        version=row.version if row is not None else 0,
    )


def _key_view(key: Mapping[str, str] | None) -> KeyView:
    if key is None:
        return KeyView(is_set=False)
    return KeyView(True, key.get("fingerprint"), datetime.fromisoformat(key["changed_at"]))
