"""The fields of prices, bands and special days in the tariff editor.

Belongs here: parts of the JSON form of a tariff as widgets. Does not belong here: plans and days
(``tariff_editor.py``). An empty field leaves its key out, so that the tariff's own default holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

import pyarrow as pa
import streamlit as st

from dashboards.context import Context
from dashboards.ui import cards
from warehouse.tariffs.model import DayKind, Restarts

_BAND_KINDS: Final = ("rate", "fixed", "per_entry", "free")
_RATE_MINUTES: Final = ("first_minutes", "unit_minutes", "tolerance_minutes")
_RATE_FIELDS: Final = ("first_minutes", "first_price", "unit_minutes", "unit_price", "tolerance_minutes")
LABELLED: Final = (
    "free_minutes",
    "free_time_billed",
    "first_period_once",
    "day_kind_from",
    "cap_per_24_hours",
    "cap_per_stay",
    "cap_per_day",
    "cap",
    "grace_minutes",
    "ignore_seconds",
    "special_days",
    "vehicle_groups",
    "plans",
    "days",
    "kinds",
    "kind",
    "bands",
    "from",
    "to",
    "price",
    "date",
    "restarts",
    *_RATE_FIELDS,
)
"""Keys of the JSON form with a label."""


def known(**values: Any) -> dict[str, Any]:
    """The values that are there."""
    return {name: value for name, value in values.items() if value is not None}


def minutes(context: Context, key: str, name: str, given: Mapping[str, Any]) -> int | None:
    """A number of minutes."""
    value: int | None = st.number_input(
        context.text(f"tariff.{name}"), value=given.get(name), min_value=0, step=1, key=key
    )
    return value


def amount(context: Context, key: str, name: str, given: Mapping[str, Any]) -> str | None:
    """An amount in yuan, as typed."""
    return st.text_input(context.text(f"tariff.{name}"), value=str(given.get(name) or ""), key=key).strip() or None


def flag(context: Context, key: str, name: str, given: Mapping[str, Any], *, default: bool) -> bool:
    """Yes or no."""
    return st.checkbox(context.text(f"tariff.{name}"), value=given.get(name, default), key=key)


def kind_choice(context: Context, key: str, kind: str | None, kinds: Sequence[str]) -> str:
    """What sort of price."""
    return str(
        st.selectbox(
            context.text("tariff.kind"),
            list(kinds),
            index=kinds.index(kind) if kind in kinds else 0,
            format_func=lambda code: context.text(f"tariff.price_{code}"),
            key=key,
        )
    )


def draw(context: Context, key: str, kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a price or of bands."""
    # The fields of another kind than the document's begin empty.
    given = given if given.get("kind") == kind else {}
    if kind == "bands":
        return {"kind": kind, "bands": _bands(context, key, given.get("bands", []))}
    if kind == "rate":
        return {"kind": kind, **_rate(context, key, given)}
    if kind == "per_entry":
        return {"kind": kind, **known(price=amount(context, f"{key}.price", "price", given))}
    return {"kind": kind}


def _rate(context: Context, key: str, given: Mapping[str, Any]) -> dict[str, Any]:
    columns = st.columns(6)
    found: dict[str, Any] = {}
    for column, name in zip(columns, _RATE_FIELDS, strict=False):
        draw_one = minutes if name in _RATE_MINUTES else amount
        with column:
            found |= known(**{name: draw_one(context, f"{key}.{name}", name, given)})
    restarts = [one.value for one in Restarts]
    with columns[5]:
        found["restarts"] = st.selectbox(
            context.text("tariff.restarts"),
            restarts,
            index=restarts.index(given.get("restarts", Restarts.NEVER.value)),
            format_func=lambda code: context.text(f"tariff.restarts_{code}"),
            key=f"{key}.restarts",
        )
    return found


def _bands(context: Context, key: str, given: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    text = context.text
    names = ("from", "to", "kind", "price", *_RATE_FIELDS, "cap")
    kinds = {text(f"tariff.price_{kind}"): kind for kind in _BAND_KINDS}
    words = {kind: word for word, kind in kinds.items()}
    rows = []
    for band in given:
        price = band.get("price", {})
        row = {**price, **{name: band.get(name) for name in ("from", "to", "cap")}}
        rows.append(row | {"kind": words.get(price.get("kind", ""), "")})
    typed = pa.table(
        {
            name: pa.array(
                [row.get(name) if name in _RATE_MINUTES else _text(row.get(name)) for row in rows],
                pa.int64() if name in _RATE_MINUTES else pa.string(),
            )
            for name in names
        }
    )
    config: dict[str, Any] = {name: st.column_config.TextColumn(text(f"tariff.{name}")) for name in names}
    config |= {name: st.column_config.NumberColumn(text(f"tariff.{name}"), min_value=0) for name in _RATE_MINUTES}
    config["kind"] = st.column_config.SelectboxColumn(text("tariff.kind"), options=list(kinds))
    cards.note(text("tariff.bands_note"))
    edited: pa.Table = st.data_editor(
        typed,
        key=key,
        num_rows="dynamic",
        column_config=config,
        hide_index=True,
        placeholder="",
        alt=text("tariff.bands"),
    )
    rows = [{name: _whole(value) for name, value in row.items()} for row in edited.to_pylist()]
    return [_band(row, kinds) for row in rows if any(value not in (None, "") for value in row.values())]


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _whole(value: Any) -> Any:
    """The editor gives whole numbers back as fractions when a cell of their column is empty."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _band(row: Mapping[str, Any], kinds: Mapping[str, str]) -> dict[str, Any]:
    kind = kinds.get(row.get("kind") or "", "free")
    wanted = {
        "rate": _RATE_FIELDS,
        "fixed": ("price",),
        "per_entry": ("price",),
        "free": (),
    }[kind]
    price = {"kind": kind, **known(**{name: row.get(name) or None for name in wanted})}
    if kind == "rate" and row.get("first_minutes") == 0:
        price["first_minutes"] = 0
    return {**known(**{name: row.get(name) or None for name in ("from", "to", "cap")}), "price": price}


def special_days(context: Context, key: str, given: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Holidays, and weekend days that are worked."""
    text = context.text
    kinds = {text(f"tariff.kind_{kind.value}"): kind.value for kind in (DayKind.HOLIDAY, DayKind.WORKDAY)}
    words = {kind: word for word, kind in kinds.items()}
    typed = pa.table(
        {
            "date": pa.array([date.fromisoformat(one["date"]) for one in given], pa.date32()),
            "kind": pa.array([words[one["kind"]] for one in given], pa.string()),
        }
    )
    cards.note(text("tariff.special_days"))
    edited: pa.Table = st.data_editor(
        typed,
        key=key,
        num_rows="dynamic",
        column_config={
            "date": st.column_config.DateColumn(text("tariff.date"), format="YYYY-MM-DD"),
            "kind": st.column_config.SelectboxColumn(text("tariff.kind_of_day"), options=list(kinds)),
        },
        hide_index=True,
        placeholder="",
        alt=text("tariff.special_days"),
    )
    return [
        {"date": row["date"].isoformat(), "kind": kinds.get(row["kind"] or "", DayKind.HOLIDAY.value)}
        for row in edited.to_pylist()
        if row["date"] is not None
    ]
