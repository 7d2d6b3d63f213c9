"""The form of a delivery: choosing the report, then its filters, clock and target.

Belongs here: fields and their labels. Does not belong here: the list (deliveries.py) and the checks
(``warehouse.services.deliveries``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import streamlit as st

from dashboards.context import Context
from dashboards.reports.filters import choice_text
from dashboards.ui import forms
from warehouse.reports.access import permission_of
from warehouse.reports.base import Report
from warehouse.reports.catalogue import LISTED, find
from warehouse.reports.parameters import Parameter, ParameterType, read_parameters
from warehouse.reports.period import Grain
from warehouse.security.permissions import EXPORT
from warehouse.services.deliveries import FORMATS, DeliveryForm, DeliveryRow, save_delivery
from warehouse.services.delivery_schedule import EVERY_DAY, PERIODS
from warehouse.services.visible import lot_names

SUGGESTED: Final = "daily-report"
_FILTER: Final = "filter_"
_KINDS: Final[Mapping[ParameterType, forms.Kind]] = {
    ParameterType.CHOICE: "choice",
    ParameterType.CHOICES: "choices",
    ParameterType.BOOLEAN: "choice",
}


def weekdays(context: Context) -> dict[str, str]:
    """The days of the week by their digit."""
    return {day: context.text(f"deliveries.day_{day}") for day in EVERY_DAY}


def choose(context: Context) -> None:
    """Which report; opens the form for it."""
    reports = {
        report.name: report.title(context.language)
        for report in LISTED
        if context.allows(permission_of(report, EXPORT))
    }
    if not reports:
        return
    names = list(reports)
    chosen = st.selectbox(
        context.text("deliveries.report"),
        names,
        index=names.index(SUGGESTED) if SUGGESTED in names else 0,
        format_func=lambda name: reports[name],
        key="deliveries_report",
    )
    if st.button(context.text("deliveries.go_on"), type="primary", key="deliveries_choose"):
        add(context, chosen)


def add(context: Context, report_name: str) -> None:
    """The form of a new delivery."""
    report = find(report_name)
    initial = {
        "name": report.title(context.language),
        "period": "yesterday",
        "file_format": "xlsx",
        "language": context.language,
        "time_of_day": "08:00",
        "weekdays": list(EVERY_DAY),
        "channel": "folder",
        "lot": [],
    }
    _open(context, report, initial, None)


def edit(context: Context, row: DeliveryRow) -> None:
    """The form of a delivery that there is."""
    report = find(row.report)
    initial: dict[str, Any] = {
        "name": row.name,
        "period": row.period,
        "file_format": row.file_format,
        "language": row.language,
        "time_of_day": row.time_of_day,
        "weekdays": list(row.weekdays),
        "channel": row.channel,
        "addresses": "\n".join(row.addresses),
        "lot": str(row.parameters.get("lot") or "").split(","),
    }
    for parameter in _own(report):
        value = row.parameters.get(parameter.key)
        is_list = parameter.type is ParameterType.CHOICES
        initial[_FILTER + parameter.key] = str(value or "").split(",") if is_list else value
    _open(context, report, initial, row)


def _own(report: Report) -> list[Parameter]:
    """The parameters that make sense by the clock: none that name days of their own."""
    return [parameter for parameter in report.parameters if parameter.type is not ParameterType.PERIOD]


def _open(context: Context, report: Report, initial: Mapping[str, Any], row: DeliveryRow | None) -> None:
    def submit(renewed: Context, values: dict[str, Any], _form_id: str) -> forms.Done:
        form = read(report, values)
        read_parameters(report.name, report.parameters, form.parameters)
        known = (None, None) if row is None else (row.delivery_id, row.version)
        save_delivery(renewed.settings, renewed.actor, form, *known)
        return forms.Done(renewed.text("deliveries.saved", name=form.name))

    key = f"deliveries_{report.name}" if row is None else f"deliveries_{row.delivery_id}"
    title = context.text("deliveries.form_title", report=report.title(context.language))
    zone = context.text("deliveries.zone", zone=context.settings.schedule_time_zone)
    form = forms.Form(key, title, fields(context, report), initial, submit, note=zone, drawer=True)
    forms.open_form(context, form)


def read(report: Report, values: Mapping[str, Any]) -> DeliveryForm:
    """What was typed, as the service takes it."""
    parameters: dict[str, Any] = {"lot": ",".join(values["lot"])}
    for parameter in _own(report):
        value = values[_FILTER + parameter.key]
        parameters[parameter.key] = ",".join(value) if isinstance(value, list) else value
    return DeliveryForm(
        name=values["name"],
        report=report.name,
        period=values.get("period") or PERIODS[0],
        parameters=parameters,
        file_format=values["file_format"],
        language=values["language"],
        time_of_day=values["time_of_day"],
        weekdays=values["weekdays"],
        channel=values["channel"],
        addresses=values.get("addresses") or "",
    )


def fields(context: Context, report: Report) -> list[forms.Field]:
    """The fields for one report."""
    text = context.text
    lots = {lot.code: lot.name for lot in lot_names(context.settings, context.actor)}
    channels = {"folder": text("deliveries.folder")}
    if context.settings.sends_mail:
        channels["email"] = text("deliveries.email")
    periods = {code: text(f"deliveries.period_{code}") for code in PERIODS}
    own = [_field(context, parameter) for parameter in _own(report)]
    found = [
        forms.Field("name", text("deliveries.name"), required=True, longest=100),
        forms.Field(
            "file_format", text("deliveries.format"), "choice", required=True,
            options={name: {"xlsx": "Excel", "csv": "CSV", "pdf": "PDF"}[name] for name in FORMATS},
        ),
        *(
            []
            if report.grain is Grain.NONE
            else [forms.Field("period", text("deliveries.period"), "choice", required=True, options=periods)]
        ),
        forms.Field("lot", text("deliveries.lots"), "choices", options=lots, help_text=text("deliveries.all_lots")),
        *own,
        forms.Field("time_of_day", text("deliveries.time"), required=True, longest=5),
        forms.Field("weekdays", text("deliveries.weekdays"), "choices", required=True, options=weekdays(context)),
        forms.Field("channel", text("deliveries.channel"), "choice", required=True, options=channels),
        forms.Field(
            "language", text("deliveries.language"), "choice", required=True,
            options={"zh": text("deliveries.chinese"), "en": text("deliveries.english")},
        ),
    ]  # fmt: skip
    if context.settings.sends_mail:
        label = text("deliveries.addresses")
        found.append(forms.Field("addresses", label, "area", longest=2000, help_text=text("deliveries.addresses_help")))
    return found


def _field(context: Context, parameter: Parameter) -> forms.Field:
    kind = _KINDS.get(parameter.type, "text")
    options: dict[str, str] | None = None
    if parameter.type is ParameterType.BOOLEAN:
        options = {code: context.text(f"form.{code}") for code in ("yes", "no")}
    elif parameter.choices:
        options = {code: choice_text(context, parameter, code) for code in parameter.choices}
    help_text = parameter.zh if context.language == "zh" else parameter.en
    label = context.text(f"report.filter_{parameter.key}")
    return forms.Field(_FILTER + parameter.key, label, kind, options=options, help_text=help_text)
