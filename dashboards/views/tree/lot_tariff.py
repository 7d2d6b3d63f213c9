"""A lot's tariffs: versions, the one in force in words, adding and changing, the fee preview.

Belongs here: this section of the lot's page. Does not belong here: the editor (``tariff_editor.py``), the preview
(``tariff_preview.py``), rules (``warehouse.services.lot_tariffs``).
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import streamlit as st

from dashboards.context import Context, flash
from dashboards.ui import cards, forms, grid
from dashboards.views.tree import tariff_editor, tariff_preview
from dashboards.views.tree.tariff_editor import Draft
from warehouse.errors import ParkError
from warehouse.services import lot_tariffs
from warehouse.services.fields import InvalidFields
from warehouse.services.listing import Found, ListQuery
from warehouse.services.lot_capacity import InForce
from warehouse.services.lot_list import LotView
from warehouse.services.lot_tariffs import TariffForm, TariffView
from warehouse.services.visible import lot_names
from warehouse.tariffs.templates import TEMPLATES

DRAFT = "lots_tariff_draft"


def draw(context: Context, lot: LotView) -> None:
    """Draw the section."""
    found = lot_tariffs.list_tariffs(context.settings, context.actor, lot.lot_id, now=context.now)
    draft: Draft | None = st.session_state.get(DRAFT)
    if draft is not None and draft.lot_id == lot.lot_id and context.allows("lots.edit"):
        _edit(context, lot, draft)
        return
    chosen = _versions(context, lot, found)
    shown = chosen or next((one for one in found if one.state is InForce.CURRENT), None)
    if shown is not None:
        _words(context, shown)
        tariff_preview.draw(context, lot, shown.document)


def _versions(context: Context, lot: LotView, found: list[TariffView]) -> TariffView | None:
    text = context.text
    states = {state.value: text(f"areas.state_{state.value}") for state in InForce}
    columns = [
        grid.Column("name", text("tariff.name"), "large"),
        grid.Column("valid_from", text("areas.valid_from")),
        grid.Column("valid_to", text("areas.valid_to")),
        grid.Column("state", text("node.state"), labels=states),
    ]
    with cards.card("lot_tariffs", text("tariff.title")):
        bar = grid.bar("lot_tariffs")
        chosen = grid.table(
            context,
            "lot_tariffs",
            columns,
            Found(found, len(found)),
            ListQuery(size=1000),
            lambda row: row.tariff_id,
            none_yet=text("tariff.none_yet"),
            name=text("tariff.title"),
        )
        if not context.allows("lots.edit"):
            return chosen
        coming = chosen is not None and chosen.state is InForce.FUTURE
        with grid.actions(context, bar, chosen.name if chosen else None):
            if st.button(text("tariff.add"), icon=":material/add:", type="primary", key="tariff_add"):
                forms.open_form(context, _start(context, lot, found))
            label = text("node.edit")
            if st.button(label, icon=":material/edit:", disabled=not coming, key="tariff_edit") and chosen:
                st.session_state[DRAFT] = Draft.of(lot, chosen)
                st.rerun()
            label = text("form.delete")
            if st.button(label, icon=":material/delete:", disabled=not coming, key="tariff_remove") and chosen:
                _confirm_remove(context, lot, chosen)
    return chosen


def _words(context: Context, tariff: TariffView) -> None:
    note = f"{tariff.valid_from} – {tariff.valid_to or ''}"
    with cards.card("tariff_words", tariff.name, note):
        for line in tariff.zh if context.language == "zh" else tariff.en:
            cards.note(line)


def _start(context: Context, lot: LotView, found: list[TariffView]) -> forms.Form:
    text = context.text
    own = sorted(found, key=lambda one: one.state is not InForce.CURRENT)
    options = {f"own:{one.tariff_id}": text("tariff.from_own", name=one.name, day=one.valid_from) for one in own}
    options |= {
        f"template:{one.key}": text("tariff.from_template", name=one.zh if context.language == "zh" else one.en)
        for one in TEMPLATES
    }
    others = [one for one in lot_names(context.settings, context.actor) if one.lot_id != lot.lot_id]
    options |= {f"lot:{one.lot_id}": text("tariff.from_lot", name=one.name) for one in others}

    def submit(renewed: Context, values: dict[str, Any], _form_id: str) -> forms.Done:
        kind, _, key = values["start"].partition(":")
        document, name = _starting_point(renewed, kind, key, found)
        st.session_state[DRAFT] = Draft(lot.lot_id, None, 0, name, lot.today, document)
        return forms.Done(renewed.text("tariff.started"))

    field = forms.Field("start", text("tariff.start"), "choice", required=True, options=options, wide=True)
    return forms.Form(
        key=f"tariff_start_{lot.lot_id}",
        title=text("tariff.add"),
        fields=[field],
        initial={"start": next(iter(options))},
        submit=submit,
        submit_label=text("tariff.go_on"),
        note=text("tariff.start_note"),
    )


def _starting_point(context: Context, kind: str, key: str, found: list[TariffView]) -> tuple[dict[str, Any], str]:
    if kind == "template":
        template = next(one for one in TEMPLATES if one.key == key)
        return deepcopy(template.document), template.zh if context.language == "zh" else template.en
    if kind == "own":
        own = next(one for one in found if str(one.tariff_id) == key)
        return deepcopy(own.document), own.name
    other = lot_tariffs.current_tariff(context.settings, context.actor, int(key or 0), now=context.now)
    if other is None:
        raise ParkError(
            zh="该停车场没有生效中的收费规则：请选另一个", en="that lot has no tariff in force: choose another"
        )
    return deepcopy(other.document), other.name


def _edit(context: Context, lot: LotView, draft: Draft) -> None:
    text = context.text
    with cards.card("tariff_editor", text("tariff.edit" if draft.tariff_id else "tariff.add")):
        left, right = st.columns(2)
        with left:
            name = st.text_input(f"{text('tariff.name')} *", value=draft.name, max_chars=100, key=draft.key("name"))
            name_place = st.container()
        with right:
            day = st.date_input(
                f"{text('areas.valid_from')} *", value=draft.valid_from, format="YYYY-MM-DD", key=draft.key("day")
            )
            day_place = st.container()
        draft.typed = name, day
        document = tariff_editor.draw(context, draft)
        failure = st.container()
        with st.container(horizontal=True, key="tariff_editor_bar"):
            save = st.button(text("form.save"), type="primary", icon=":material/save:", key="tariff_save")
            if st.button(text("tariff.cancel"), key="tariff_cancel"):
                del st.session_state[DRAFT]
                st.rerun()
    if save:
        places = {"name": name_place, "valid_from": day_place}
        _save(context, lot, draft, TariffForm(name, day, document), places, failure)
    tariff_preview.draw(context, lot, document)


def _save(context: Context, lot: LotView, draft: Draft, form: TariffForm, places: dict[str, Any], failure: Any) -> None:
    try:
        if draft.tariff_id is None:
            lot_tariffs.add_tariff(context.settings, context.actor, lot.lot_id, form)
        else:
            lot_tariffs.edit_tariff(context.settings, context.actor, lot.lot_id, draft.tariff_id, draft.version, form)
    except InvalidFields as error:
        for problem in error.problems:
            if problem.field in places:
                with places[problem.field]:
                    cards.problem(problem.text(context.language))
        with failure:
            cards.notice("bad", context.text("form.problems", count=len(error.problems)))
    except ParkError as error:
        with failure:
            cards.notice("bad", context.text("form.not_saved"), error.text(context.language))
    else:
        del st.session_state[DRAFT]
        flash(context.text("node.saved", name=form.name))
        st.rerun()


def _confirm_remove(context: Context, lot: LotView, tariff: TariffView) -> None:
    def act(renewed: Context) -> str:
        lot_tariffs.remove_tariff(renewed.settings, renewed.actor, lot.lot_id, tariff.tariff_id, tariff.version)
        return renewed.text("node.deleted", name=tariff.name)

    text = context.text
    sentence = text("tariff.confirm_remove", day=tariff.valid_from)
    title = text("node.delete_title", name=tariff.name)
    forms.confirm(context, f"tariff_remove_{tariff.tariff_id}", title, sentence, act)
