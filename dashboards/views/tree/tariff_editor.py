"""Editing a tariff by fields: vehicle groups, kinds of days, prices, bands, caps.

Belongs here: fields to the JSON form of a tariff and back. Does not belong here: what makes sense together
(``warehouse.tariffs.document``), saving (``lot_tariff.py``).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

import streamlit as st

from dashboards.context import Context
from dashboards.ui import cards, forms
from dashboards.views.tree import tariff_prices
from dashboards.views.tree.tariff_prices import amount, flag, known, minutes
from warehouse.services.fields import Fields
from warehouse.services.lot_list import LotView
from warehouse.services.lot_tariffs import TariffView, note_problems
from warehouse.tariffs.document import problems
from warehouse.tariffs.model import DayKind, DayKindFrom
from warehouse.tariffs.reading import Problem
from warehouse.tariffs.words import VEHICLE_GROUPS

_LONGEST_DOCUMENT: Final = 100_000
_NEW_RULE: Final = {"pricing": {"kind": "rate", "unit_minutes": 60, "unit_price": "5.00"}}


@dataclass
class Draft:
    """A tariff that somebody is editing; ``revision`` makes the widgets new when the document got another shape.

    ``name`` and ``valid_from`` are what the widgets began with, ``typed`` what they say now.
    """

    lot_id: int
    tariff_id: int | None
    version: int
    name: str
    valid_from: date
    document: dict[str, Any] = field(repr=False)
    revision: int = 0
    typed: tuple[str, date | None] | None = None

    @classmethod
    def of(cls, lot: LotView, tariff: TariffView) -> Draft:
        """Begin to change a tariff."""
        return cls(
            lot.lot_id, tariff.tariff_id, tariff.version, tariff.name, tariff.valid_from, deepcopy(tariff.document)
        )

    def key(self, path: str) -> str:
        """The key of a widget."""
        return f"tariff_{self.lot_id}_{self.tariff_id or 0}_{self.revision}_{path}"

    def reshape(self, document: dict[str, Any]) -> None:
        """Go on with a document of another shape, from what was typed so far; the page must run again."""
        if self.typed is not None:
            self.name, day = self.typed
            self.valid_from = day or self.valid_from
        self.document = document
        self.revision += 1


def draw(context: Context, draft: Draft) -> dict[str, Any]:
    """Draw the fields and return the document that they say, with its problems shown where they are."""
    text, given = context.text, draft.document
    reshaping: list[Callable[[dict[str, Any]], None]] = []
    places: dict[str, Any] = {}
    plans = []
    for number, plan in enumerate(given.get("plans", [])):
        with st.container(border=True, key=draft.key(f"plan{number}")):
            plans.append(_plan(context, draft, f"plans[{number}]", plan, reshaping, places))
            if len(given["plans"]) > 1 and st.button(
                text("tariff.remove_plan"), icon=":material/delete:", key=draft.key(f"remove{number}")
            ):
                reshaping.append(lambda document, number=number: document["plans"].pop(number))  # type: ignore[misc]
    if st.button(text("tariff.add_plan"), icon=":material/add:", key=draft.key("add_plan")):
        reshaping.append(lambda document: document["plans"].append({"days": [deepcopy(_NEW_RULE)]}))
    document: dict[str, Any] = {"version": given.get("version", 1), "name": given.get("name", ""), "plans": plans}
    document |= _general(context, draft, given)
    places[""] = st.container()
    if st.button(text("tariff.as_json"), icon=":material/data_object:", key=draft.key("json")):
        forms.open_form(context, _json_form(context, draft, document))
    _show_problems(context, problems(document), places)
    for reshape in reshaping:
        reshape(document)
        draft.reshape(document)
        st.rerun()
    return document


def _plan(
    context: Context,
    draft: Draft,
    path: str,
    plan: Mapping[str, Any],
    reshaping: list[Callable[[dict[str, Any]], None]],
    places: dict[str, Any],
) -> dict[str, Any]:
    text = context.text
    side = 0 if context.language == "zh" else 1
    groups = {code: names[side] for code, names in VEHICLE_GROUPS.items()}
    groups |= {code: code for code in plan.get("vehicle_groups", []) if code not in groups}
    chosen = st.multiselect(
        text("tariff.vehicle_groups"),
        list(groups),
        default=plan.get("vehicle_groups", []),
        format_func=lambda code: groups.get(code, code),
        placeholder=text("tariff.all_other_vehicles"),
        key=draft.key(f"{path}.groups"),
        accept_new_options=True,
    )
    columns = st.columns(3)
    with columns[0]:
        free = minutes(context, draft.key(f"{path}.free"), "free_minutes", plan)
        billed = flag(context, draft.key(f"{path}.billed"), "free_time_billed", plan, default=True)
    with columns[1]:
        day_cap = amount(context, draft.key(f"{path}.cap24"), "cap_per_24_hours", plan)
        once = flag(context, draft.key(f"{path}.once"), "first_period_once", plan, default=False)
    with columns[2]:
        stay_cap = amount(context, draft.key(f"{path}.capstay"), "cap_per_stay", plan)
        kind_from = st.selectbox(
            text("tariff.day_kind_from"),
            [one.value for one in DayKindFrom],
            index=[one.value for one in DayKindFrom].index(plan.get("day_kind_from", DayKindFrom.EACH_DAY.value)),
            format_func=lambda code: text(f"tariff.day_kind_from_{code}"),
            key=draft.key(f"{path}.kind_from"),
        )
    places[path] = st.container()
    rules = []
    for number, rule in enumerate(plan.get("days", [])):
        where = f"{path}.days[{number}]"
        rules.append(_rule(context, draft, where, rule))
        places[where] = st.container()
        if len(plan["days"]) > 1 and st.button(
            text("tariff.remove_rule"), icon=":material/delete:", key=draft.key(f"{where}.remove")
        ):
            reshaping.append(_at(path, lambda found, number=number: found["days"].pop(number)))  # type: ignore[misc]
    if st.button(text("tariff.add_rule"), icon=":material/add:", key=draft.key(f"{path}.add_rule")):
        reshaping.append(_at(path, lambda found: found["days"].append(deepcopy(_NEW_RULE))))
    return {
        **({"vehicle_groups": list(chosen)} if chosen else {}),
        **known(free_minutes=free, cap_per_24_hours=day_cap, cap_per_stay=stay_cap),
        "free_time_billed": billed,
        "first_period_once": once,
        "day_kind_from": kind_from,
        "days": rules,
    }


def _at(path: str, change: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], None]:
    number = int(path.removeprefix("plans[").removesuffix("]"))
    return lambda document: change(document["plans"][number])


def _rule(context: Context, draft: Draft, path: str, rule: Mapping[str, Any]) -> dict[str, Any]:
    text = context.text
    kinds = [kind.value for kind in DayKind]
    columns = st.columns([3, 2, 2])
    with columns[0]:
        chosen = st.multiselect(
            text("tariff.kinds"),
            kinds,
            default=rule.get("kinds", []),
            format_func=lambda code: text(f"tariff.kind_{code}"),
            placeholder=text("tariff.all_other_days"),
            key=draft.key(f"{path}.kinds"),
        )
    with columns[1]:
        kind = tariff_prices.kind_choice(
            context, draft.key(f"{path}.kind"), rule["pricing"].get("kind"), ("rate", "per_entry", "free", "bands")
        )
    with columns[2]:
        cap = amount(context, draft.key(f"{path}.cap"), "cap_per_day", rule)
    pricing = tariff_prices.draw(context, draft.key(f"{path}.{kind}"), kind, rule["pricing"])
    return {**({"kinds": list(chosen)} if chosen else {}), **known(cap_per_day=cap), "pricing": pricing}


def _general(context: Context, draft: Draft, given: Mapping[str, Any]) -> dict[str, Any]:
    left, right = st.columns(2)
    with left:
        grace = minutes(context, draft.key("grace"), "grace_minutes", given)
        ignore = flag(context, draft.key("ignore"), "ignore_seconds", given, default=False)
    with right:
        special = tariff_prices.special_days(context, draft.key("special"), given.get("special_days", []))
    order = {"coupon_order": given["coupon_order"]} if "coupon_order" in given else {}
    return {**known(grace_minutes=grace), "ignore_seconds": ignore, "special_days": special, **order}


def _show_problems(context: Context, found: list[Problem], places: Mapping[str, Any]) -> None:
    for problem in found:
        path = max((path for path in places if problem.path.startswith(path)), key=len)
        last = problem.path.rpartition(".")[2].partition("[")[0]
        labels = {name: context.text(f"tariff.{name}") for name in tariff_prices.LABELLED}
        sentence = problem.zh if context.language == "zh" else problem.en
        with places[path]:
            cards.problem(f"{labels.get(last, last)}: {sentence}" if last else sentence)


def _json_form(context: Context, draft: Draft, document: dict[str, Any]) -> forms.Form:
    text = context.text

    def submit(renewed: Context, values: dict[str, Any], _form_id: str) -> forms.Done:
        fields = Fields()
        try:
            read = json.loads(values["document"])
        except ValueError as error:
            fields.wrong("document", f"不是 JSON：{error}", f"is no JSON: {error}")
        else:
            note_problems(fields, read)
        fields.done()
        draft.reshape(read)
        return forms.Done(renewed.text("tariff.json_taken"))

    return forms.Form(
        key=f"tariff_json_{draft.lot_id}_{draft.tariff_id or 0}",
        title=text("tariff.as_json"),
        fields=[forms.Field("document", text("tariff.document"), "area", required=True, longest=_LONGEST_DOCUMENT)],
        initial={"document": json.dumps(document, ensure_ascii=False, indent=2)},
        submit=submit,
        submit_label=text("tariff.take_json"),
        note=text("tariff.json_note"),
        width="large",
    )
