"""How a lot issues e-invoices: the encryption string, for how many days one may be asked for, whether at all.

Belongs here: the settings and reading the secret for use. Does not belong here: invoices themselves, or how a secret is
encrypted (``warehouse.security.secrets``).

Downlink kind: ``invoice_settings``, subject ``invoice_settings``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, Text, select, type_coerce
from sqlalchemy.orm import Session

from warehouse.ops.models import AuditEntry, InvoiceSetting, Lot
from warehouse.security.actor import Actor
from warehouse.security.secrets import decrypt, encrypt
from warehouse.services.fields import Fields
from warehouse.services.listing import Found, ListQuery, like, one_page
from warehouse.services.work import locked, picture, reading, visible_lot, working
from warehouse.settings import Settings

ENTITY: Final = "invoice_setting"
DOWNLINK: Final = "invoice_settings"
READ_SECRET: Final = "invoice_settings.read_secrets"  # noqa: S105 - the name of an action
_SHOWN: Final = ("is_enabled", "late_issue_days")
LONGEST_WINDOW_DAYS: Final = 366
DEFAULT_WINDOW_DAYS: Final = 30
LONGEST_SECRET: Final = 1000


@dataclass(frozen=True)
class InvoiceForm:
    """What the form holds; ``encryption_string`` None or empty keeps the one there is, ``clear_secret`` removes it."""

    is_enabled: bool
    late_issue_days: int | str | None
    encryption_string: str | None = None
    clear_secret: bool = False


@dataclass(frozen=True)
class InvoiceSettingView:
    """The settings of one lot; the secret is never part of it. ``version`` 0: nothing was set yet.

    ``secret_set_at`` is known for one lot only, not in lists.
    """

    lot_id: int
    lot_code: str
    lot_name: str
    is_enabled: bool
    late_issue_days: int
    has_secret: bool
    updated_at: datetime | None
    version: int
    secret_set_at: datetime | None = None


def list_invoice_settings(settings: Settings, actor: Actor, asked: ListQuery) -> Found[InvoiceSettingView]:
    """Lots in the scope with their settings; search in code and name; sorts: code, name."""
    with reading(settings, actor, "invoice_settings.view") as session:
        query: Select[*tuple[Any, ...]] = (
            select(Lot, InvoiceSetting)
            .outerjoin(InvoiceSetting, InvoiceSetting.lot_id == Lot.lot_id)
            .where(Lot.deleted_at.is_(None))
        )
        if not isinstance(actor.scope.lot_ids, str):
            query = query.where(Lot.lot_id.in_(actor.scope.lot_ids))
        if asked.search.strip():
            query = query.where(like(Lot.code, asked.search) | like(Lot.name, asked.search))
        rows, total = one_page(session, query, asked, {"name": Lot.name, "code": Lot.code}, "code")
        return Found([_view(lot, setting) for lot, setting in rows], total)


def get_invoice_setting(settings: Settings, actor: Actor, lot_id: int) -> InvoiceSettingView:
    """The settings of one lot.

    Raises:
        Forbidden: the lot is not the actor's.
    """
    with reading(settings, actor, "invoice_settings.view") as session:
        view = _view(visible_lot(session, actor, lot_id), session.get(InvoiceSetting, lot_id))
        return replace(view, secret_set_at=_secret_set_at(session, lot_id) if view.has_secret else None)


def _view(lot: Lot, setting: InvoiceSetting | None) -> InvoiceSettingView:
    return InvoiceSettingView(
        lot_id=lot.lot_id,
        lot_code=lot.code,
        lot_name=lot.name,
        is_enabled=setting is not None and setting.is_enabled,
        late_issue_days=DEFAULT_WINDOW_DAYS if setting is None else setting.late_issue_days,
        has_secret=setting is not None and setting.encryption_string_encrypted is not None,
        updated_at=None if setting is None else setting.updated_at,
        version=0 if setting is None else setting.version,
    )


def save_invoice_setting(
    settings: Settings, actor: Actor, lot_id: int, form: InvoiceForm, expected_version: int | None = None
) -> int:
    """Set how a lot issues e-invoices and tell the lot; returns the new version.

    Raises:
        InvalidFields: by field.
        Forbidden: the lot is not the actor's.
        ParkError: ``conflict``.
    """
    with working(settings, actor, "invoice_settings.edit") as work:
        # The lot's row is locked, so that two first settings of one lot are made one after the other.
        lot, session = work.lot(lot_id), work.session
        setting = session.scalar(locked(select(InvoiceSetting).where(InvoiceSetting.lot_id == lot_id)))
        if setting is not None and expected_version is not None:
            work.expect(setting, expected_version, ENTITY, lot_id)
        had_secret = setting is not None and setting.encryption_string_encrypted is not None
        fields = Fields()
        days = fields.whole("late_issue_days", form.late_issue_days, least=0, most=LONGEST_WINDOW_DAYS)
        secret = fields.text("encryption_string", form.encryption_string, longest=LONGEST_SECRET)
        has_secret = secret is not None or (had_secret and not form.clear_secret)
        if form.is_enabled and not has_secret:
            fields.wrong("encryption_string", "启用前请填写加密串", "type the encryption string before switching it on")
        fields.done()
        assert days is not None
        before = None if setting is None else picture(setting, _SHOWN) | {"encryption_string": _state(had_secret)}
        shown = {"is_enabled": form.is_enabled, "late_issue_days": days}
        replaced = secret is not None and had_secret
        after = shown | {"encryption_string": "replaced" if replaced else _state(has_secret)}
        if setting is not None and before == after:
            return setting.version
        if setting is None:
            setting = InvoiceSetting(lot_id=lot_id)
            session.add(setting)
        setting.is_enabled, setting.late_issue_days, setting.updated_at = form.is_enabled, days, work.now
        if secret is not None or not has_secret:
            setting.encryption_string_encrypted = None if secret is None else encrypt(settings, secret)
        work.record(ENTITY, lot_id, lot.name, before, after, lot_id=lot_id)
        told = {**picture(setting, _SHOWN), "encryption_string": {"set": has_secret}}
        stored = setting.encryption_string_encrypted
        sealed = {"encryption_string": decrypt(settings, stored)} if stored is not None else None
        work.command(lot_id, DOWNLINK, DOWNLINK, told, secrets=sealed)
        return setting.version


def read_encryption_string(settings: Settings, actor: Actor, lot_id: int, purpose: str) -> str | None:
    """The encryption string in the clear, for use; None when none is set. Written to the operator log.

    Args:
        settings: names the operational store and the key.
        actor: who uses it.
        lot_id: whose it is.
        purpose: for the log.

    Raises:
        Forbidden: the lot is not the actor's.
        ParkError: ``secret_key_changed``.
    """
    with working(settings, actor, "invoice_settings.edit") as work:
        lot = work.lot(lot_id)
        setting = work.session.get(InvoiceSetting, lot_id)
        if setting is None or setting.encryption_string_encrypted is None:
            return None
        work.record(ENTITY, lot_id, lot.name, None, {"purpose": purpose}, lot_id=lot_id, action=READ_SECRET)
        return decrypt(settings, setting.encryption_string_encrypted)


def _state(has_secret: bool) -> str:
    return "set" if has_secret else "not set"


def _secret_set_at(session: Session, lot_id: int) -> datetime | None:
    """When the secret was last typed; only the log knows, because the row's time moves with every change."""
    return session.scalar(
        select(AuditEntry.at)
        .where(
            AuditEntry.entity == ENTITY,
            AuditEntry.entity_id == str(lot_id),
            type_coerce(AuditEntry.after, Text).like('%"encryption_string":%'),
        )
        .order_by(AuditEntry.entry_id.desc())
        .limit(1)
    )
