"""Forms in dialogs: fields, problems at the field, what was typed kept when it cannot be saved.

Belongs here: how every form looks and behaves. Does not belong here: checks and changes, which are a service's; a form
hands its values to ``submit`` and shows what the service answers:

* ``InvalidFields``: each problem stands below its field (``Problem.field`` is ``Field.name``), the rest above.
* any other ``ParkError``, for example a conflict: above the fields, which keep what was typed.
* the session ended meanwhile: the values are kept for the operator and offered when the form is opened again.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Literal
from urllib.parse import quote

import pyarrow as pa
import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from dashboards.context import Context, flash, here
from dashboards.texts import Texts
from dashboards.ui import cards
from warehouse.errors import ParkError
from warehouse.services import drafts
from warehouse.services.fields import InvalidFields, Problem

Kind = Literal["text", "area", "secret", "number", "money", "date", "flag", "choice", "choices", "table", "note"]


@dataclass(frozen=True)
class Field:
    """One field.

    Attributes:
        name: key of its value, and of the service's problems.
        label: shown above it; ``*`` is added when required.
        kind: text, area (several lines), secret (never shown nor kept), number (int or None), money (typed text, for
            ``Fields.money``), date (date or None), flag (bool), choice (a code, "" for none), choices (list of codes),
            table (list of dicts, edited as rows), note (``label`` as a line of text, no value).
        options: code to label, for choice and choices.
        help_text: shown behind a question mark.
        columns: for table: Streamlit column configuration by key, in order.
        wide: over the whole width instead of half of it.
        longest: of text.
        least: of number.
        most: of number.
        disabled: shown, not editable.
    """

    name: str
    label: str
    kind: Kind = "text"
    required: bool = False
    options: Mapping[str, str] | None = None
    help_text: str | None = None
    columns: Mapping[str, Any] | None = None
    wide: bool = False
    longest: int = 200
    least: int | None = None
    most: int | None = None
    disabled: bool = False


@dataclass(frozen=True)
class Done:
    """What a successful submit tells: a sentence, and what is to be shown once (label to value)."""

    sentence: str
    once: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Form:
    """A form.

    Attributes:
        key: unique over all pages; may hold ids.
        title: of the dialog.
        fields: in order.
        initial: name to value.
        submit: gets the context of that moment, the values by name, and an id that is the same however often the
            button is pressed, for idempotency; runs again for a second click.
        submit_label: of the button; "save" when None.
        note: a line above the fields.
        danger: the button warns.
        width: of the dialog.
        drawer: at the right edge instead of the middle.
        below: draws something below the fields, inside the dialog and outside of the form.
    """

    key: str
    title: str
    fields: Sequence[Field]
    initial: Mapping[str, Any]
    submit: Callable[[Context, dict[str, Any], str], Done]
    submit_label: str | None = None
    note: str = ""
    danger: bool = False
    width: Literal["small", "medium", "large"] = "medium"
    drawer: bool = False
    below: Callable[[Context, dict[str, Any]], None] | None = None


def open_form(context: Context, form: Form) -> None:
    """Open the form; call it in the run in which its button was pressed."""
    opened = OpenForm.of(context, form)
    context.dialog(form.title, opened.draw, width=form.width, drawer=form.drawer)


@dataclass(frozen=True)
class OpenForm:
    """A form on somebody's screen.

    Each opening has an id, and by it widgets of its own: nothing of an earlier, cancelled one shines through.
    """

    form: Form
    form_id: str
    opened_by: Context
    initial: Mapping[str, Any]
    is_restored: bool
    came_from: str

    @classmethod
    def of(cls, context: Context, form: Form) -> OpenForm:
        """Open ``form`` for somebody, with what they could not save last time."""
        kept = drafts.take(context.settings, context.actor, form.key)
        initial = {**form.initial, **_revived(form, kept)} if kept else form.initial
        return cls(form, secrets.token_hex(12), context, initial, kept is not None, here())

    @property
    def prefix(self) -> str:
        """What the keys of its widgets begin with."""
        return f"form_{self.form_id}"

    def draw(self, renewed: Context | None) -> None:
        """Draw it and act on its button, see ``Context.dialog``."""
        form, prefix, words = self.form, self.prefix, self.opened_by.text
        once: Mapping[str, str] | None = st.session_state.get(f"{prefix}_once")
        if once is not None:
            _show_once(words, prefix, once)
            return
        if self.is_restored:
            cards.notice("plain", words("form.restored"))
        if form.note:
            cards.note(form.note)
        problems: list[Problem] = st.session_state.get(f"{prefix}_problems", [])
        failure: str | None = None
        top = st.container()
        with st.form(prefix, border=False):
            values = _draw_fields(words, form, self.initial, prefix, problems)
            if any(one.required for one in form.fields):
                cards.note(words("form.required"))
            pressed = st.form_submit_button(
                form.submit_label or words("form.save"), type="primary", key=f"{prefix}_submit", width="stretch"
            )
        if form.below is not None and renewed is not None:
            form.below(renewed, values)
        if pressed:
            before = problems
            problems, failure = self._submit(renewed, values)
            st.session_state[f"{prefix}_problems"] = problems
            if problems != before:
                # Draw again, with the sentences at their fields.
                _draw_again()
        with top:
            if renewed is None:
                _session_ended(words, self.came_from)
            elif failure:
                cards.notice("bad", words("form.not_saved"), failure)
            elif problems:
                _list_problems(words, form, problems)

    def _submit(self, renewed: Context | None, values: dict[str, Any]) -> tuple[list[Problem], str | None]:
        if renewed is None or renewed.actor.operator_id != self.opened_by.actor.operator_id:
            drafts.keep(self.opened_by.settings, self.opened_by.actor, self.form.key, _keepable(self.form, values))
            return [], None
        try:
            done = self.form.submit(renewed, values, self.form_id)
        except InvalidFields as error:
            return error.problems, None
        except ParkError as error:
            return [], error.text(renewed.language)
        flash(done.sentence)
        if done.once:
            st.session_state[f"{self.prefix}_once"] = done.once
            _draw_again()
        st.rerun()
        return [], None


def _draw_again() -> None:
    """Run the dialog once more; a form that stands outside of one runs the whole page."""
    context = get_script_run_ctx()
    st.rerun(scope="fragment" if context is not None and context.fragment_ids_this_run else "app")


def _show_once(words: Texts, prefix: str, once: Mapping[str, str]) -> None:
    cards.notice("plain", words("form.shown_once"))
    for label, value in once.items():
        cards.note(label)
        st.code(value, language=None, wrap_lines=True)
    if st.button(words("form.close"), key=f"{prefix}_close", width="stretch"):
        st.rerun()


def _session_ended(words: Texts, came_from: str) -> None:
    cards.notice("bad", words("frame.session_ended"), words("frame.session_ended_why"))
    cards.link(words("frame.sign_in_again"), f"/auth/login?next={quote(came_from)}")


def _list_problems(words: Texts, form: Form, problems: Sequence[Problem]) -> None:
    names = {one.name for one in form.fields}
    rest = "；" if words.language == "zh" else "; "
    elsewhere = rest.join(problem.text(words.language) for problem in problems if problem.field not in names)
    cards.notice("bad", words("form.problems", count=len(problems)), elsewhere)


def _draw_fields(
    words: Texts, form: Form, initial: Mapping[str, Any], prefix: str, problems: Sequence[Problem]
) -> dict[str, Any]:
    values: dict[str, Any] = {}
    waiting: list[Any] = []
    for one in form.fields:
        if one.wide or one.kind in ("area", "table", "note"):
            waiting = []
            place = st.container()
        else:
            if not waiting:
                waiting = list(st.columns(2))
            place = waiting.pop(0)
        with place:
            if one.kind == "note":
                cards.note(one.label)
                continue
            values[one.name] = _widget(words, one, initial.get(one.name), f"{prefix}_{one.name}")
            for problem in problems:
                if problem.field == one.name:
                    cards.problem(problem.text(words.language))
    return values


def _widget(words: Texts, one: Field, value: Any, key: str) -> Any:
    label = f"{one.label} *" if one.required else one.label
    shared: dict[str, Any] = {"key": key, "help": one.help_text, "disabled": one.disabled}
    match one.kind:
        case "text" | "money":
            return st.text_input(label, value="" if value is None else str(value), max_chars=one.longest, **shared)
        case "secret":
            return st.text_input(label, type="password", autocomplete="new-password", max_chars=10_000, **shared)
        case "area":
            return st.text_area(label, value=value or "", max_chars=one.longest, **shared)
        case "number":
            return st.number_input(label, value=value, step=1, min_value=one.least, max_value=one.most, **shared)
        case "date":
            return st.date_input(
                label,
                value=value,
                format="YYYY-MM-DD",
                min_value=date(2000, 1, 1),
                max_value=date(2100, 1, 1),
                **shared,
            )
        case "flag":
            return st.checkbox(label, value=bool(value), **shared)
        case "choice":
            options = dict(one.options or {})
            codes = list(options) if one.required and value else ["", *options]
            return st.selectbox(
                label,
                codes,
                index=codes.index(value) if value in codes else 0,
                format_func=lambda code: options.get(code) or words("form.choose"),
                **shared,
            )
        case "choices":
            options = dict(one.options or {})
            return st.multiselect(
                label,
                list(options),
                default=[code for code in value or [] if code in options],
                format_func=lambda code: options[code],
                placeholder=words("form.choose"),
                **shared,
            )
        case "table":
            return _table(label, one, value or [], key)
        case _:
            raise ValueError(one.kind)


# Streamlit's kind of column to the type of its values.
_TABLE_TYPES = {
    "text": pa.string(),
    "selectbox": pa.string(),
    "date": pa.date32(),
    "number": pa.int64(),
    "checkbox": pa.bool_(),
}


def _table(label: str, one: Field, rows: Sequence[Mapping[str, Any]], key: str) -> list[dict[str, Any]]:
    columns = dict(one.columns or {})
    # Typed, because an editor of no rows could not tell text from numbers.
    typed = pa.table(
        {
            name: pa.array([row.get(name) for row in rows], _TABLE_TYPES[column["type_config"]["type"]])
            for name, column in columns.items()
        }
    )
    cards.note(label)
    edited: pa.Table = st.data_editor(
        typed,
        key=key,
        num_rows="fixed" if one.disabled else "dynamic",
        column_config=columns,
        hide_index=True,
        disabled=one.disabled,
        placeholder="",
        alt=label,
    )
    rows_now = [{name: _whole(value) for name, value in row.items()} for row in edited.to_pylist()]
    return [row for row in rows_now if any(value not in (None, "", False) for value in row.values())]


def _whole(value: Any) -> Any:
    """The editor turns a column of whole numbers into floats as soon as one of its cells is empty."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _keepable(form: Form, values: Mapping[str, Any]) -> dict[str, Any]:
    """What may be kept: no secrets, dates as text, in the rows of tables too."""
    secret = {one.name for one in form.fields if one.kind == "secret"}
    return {name: _as_text(value) for name, value in values.items() if name not in secret}


def _as_text(value: Any) -> Any:
    if isinstance(value, list):
        return [{key: _as_text(cell) for key, cell in row.items()} if isinstance(row, dict) else row for row in value]
    return str(value) if isinstance(value, date | Decimal) else value


def _revived(form: Form, kept: Mapping[str, Any]) -> dict[str, Any]:
    revived = dict(kept)
    for one in form.fields:
        if one.kind == "date":
            revived[one.name] = _as_date(kept.get(one.name))
        elif one.kind == "table":
            days = [key for key, column in (one.columns or {}).items() if column["type_config"]["type"] == "date"]
            revived[one.name] = [
                {**row, **{key: _as_date(row.get(key)) for key in days}} for row in kept.get(one.name) or []
            ]
    return revived


def _as_date(value: Any) -> Any:
    return date.fromisoformat(value) if isinstance(value, str) else value


def confirm(
    context: Context,
    key: str,
    title: str,
    sentence: str,
    act: Callable[[Context], str],
    *,
    typed: str | None = None,
    label: str | None = None,
) -> None:
    """Ask before something that cannot be taken back; ``typed`` must be typed first, ``act`` returns a sentence."""
    word = context.text("form.confirm_typed", word=typed) if typed else ""

    def submit(renewed: Context, values: dict[str, Any], _form_id: str) -> Done:
        if typed is not None and values["typed"].strip() != typed:
            wrong = Texts("zh")("form.typed_wrong", word=typed), Texts("en")("form.typed_wrong", word=typed)
            raise InvalidFields([Problem("typed", *wrong)])
        return Done(act(renewed))

    open_form(
        context,
        Form(
            key=f"{key}_confirm",
            title=title,
            fields=[Field("typed", word, wide=True)] if typed else [],
            initial={},
            submit=submit,
            submit_label=label or context.text("form.delete"),
            note=sentence,
            danger=True,
            width="small",
        ),
    )
