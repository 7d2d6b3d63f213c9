"""The form of a lot's own fields, and the words for its states.

Belongs here: fields and their values. Does not belong here: where the form is opened (``lots.py``, ``lot_basic.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields as fields_of
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from dashboards.context import Context
from dashboards.ui import forms
from dashboards.views.tree import lot_address
from warehouse.geography.coordinates import Datum
from warehouse.services import lot_editing
from warehouse.services.lot_editing import MOST_SPACES, LotForm
from warehouse.services.lot_licence import LicenceState
from warehouse.services.lot_list import LotView

MAIN_ZONE = "Asia/Shanghai"


def licence_labels(context: Context) -> dict[str, str]:
    """Each state of a licence in words."""
    return {state.value: context.text(f"lots.licence_{state.value}") for state in LicenceState}


def datum_labels(context: Context) -> dict[str, str]:
    """Each datum with the maps that use it."""
    return {datum.value: context.text(f"lots.datum_{datum.value}") for datum in Datum}


def form_of(lot: LotView) -> LotForm:
    """The service's form with what the lot has now."""
    values: dict[str, Any] = {field.name: getattr(lot, field.name) for field in fields_of(LotForm)}
    values |= {"longitude": lot.given_longitude, "latitude": lot.given_latitude, "capacity": None}
    values |= {name: values[name] or "" for name in _TEXTS}
    return LotForm(**values)


_TEXTS = ("region", "address", "contact_name", "phone", "remark")


def lot_form(context: Context, lot: LotView | None, customers: Mapping[str, str]) -> forms.Form:
    """The form of a new lot, for one of ``customers`` (id to name), or of one that there is."""
    text = context.text

    def submit(renewed: Context, values: dict[str, Any], _form_id: str) -> forms.Done:
        form = _typed(values, lot)
        if lot is not None:
            lot_editing.edit_lot(renewed.settings, renewed.actor, lot.lot_id, lot.version, form)
        else:
            made = lot_editing.create_lot(renewed.settings, renewed.actor, int(values["customer_id"] or 0), form)
            lot_address.go_to(made.code)
        return forms.Done(renewed.text("node.saved", name=form.name))

    initial = {"time_zone": MAIN_ZONE, "cutover_minutes": 0, "free_space_minutes": 15, "coordinate_datum": "wgs84"}
    if lot is not None:
        initial = {field.name: getattr(form_of(lot), field.name) for field in fields_of(LotForm)}
    elif len(customers) == 1:
        initial["customer_id"] = next(iter(customers))
    return forms.Form(
        key=f"lot_{lot.lot_id if lot else 'new'}",
        title=text("lots.edit" if lot else "lots.add"),
        fields=_fields(context, lot, customers),
        initial=initial,
        submit=submit,
        drawer=True,
    )


def _fields(context: Context, lot: LotView | None, customers: Mapping[str, str]) -> list[forms.Field]:
    text = context.text
    is_new = lot is None
    fields = [
        forms.Field("name", text("lots.name"), required=True),
        forms.Field("code", text("lots.code"), help_text=text("lots.code_help"), longest=64, disabled=not is_new),
        forms.Field("region", text("lots.region"), help_text=text("lots.region_help")),
        forms.Field("address", text("lots.address"), longest=300),
        forms.Field("contact_name", text("node.contact_name"), longest=100),
        forms.Field("phone", text("node.phone"), longest=40),
    ]
    if is_new:
        customer = forms.Field(
            "customer_id", text("lots.customer"), "choice", required=True, options=customers, wide=True
        )
        fields.insert(0, customer)
        fields += [
            forms.Field("capacity", text("lots.capacity"), "number", least=0, most=MOST_SPACES),
            forms.Field("coordinate_datum", text("lots.datum"), "choice", required=True, options=datum_labels(context)),
            forms.Field("longitude", text("lots.longitude"), help_text=text("lots.place_help"), longest=20),
            forms.Field("latitude", text("lots.latitude"), longest=20),
        ]
    fields += [
        forms.Field("time_zone", text("lots.time_zone"), "choice", required=True, options=_zones()),
        forms.Field(
            "cutover_minutes", text("lots.cutover"), "number", help_text=text("lots.cutover_help"), least=0, most=1439
        ),
        forms.Field(
            "free_space_minutes",
            text("lots.free_space_minutes"),
            "number",
            help_text=text("lots.free_space_help"),
            least=1,
            most=1440,
        ),
    ]
    if lot is None or lot.may_set_licence:
        fields += [
            forms.Field("licence_from", text("lots.licence_from"), "date"),
            forms.Field("licence_to", text("lots.licence_to"), "date"),
        ]
    return [
        *fields,
        forms.Field("is_test", text("lots.test"), "flag", help_text=text("lots.test_help")),
        forms.Field("is_void", text("lots.void"), "flag", help_text=text("lots.void_help")),
        forms.Field("remark", text("node.remark"), "area", longest=500),
    ]


def _typed(values: Mapping[str, Any], lot: LotView | None) -> LotForm:
    names = {field.name for field in fields_of(LotForm)}
    kept = {} if lot is None else {name: getattr(form_of(lot), name) for name in names}
    shown = {name: value for name, value in values.items() if name in names}
    for name in ("cutover_minutes", "free_space_minutes"):
        shown[name] = "" if shown.get(name) is None else shown[name]
    return LotForm(**{**kept, **shown})


@cache
def _zones() -> dict[str, str]:
    """Every zone, China's first."""
    first = (MAIN_ZONE, "Asia/Hong_Kong", "Asia/Macau", "Asia/Taipei", "Asia/Urumqi")
    zones = [*first, *sorted(zone for zone in available_timezones() if "/" in zone and zone not in first)]
    return {zone: zone for zone in zones}
