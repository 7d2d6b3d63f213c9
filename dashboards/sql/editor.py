"""The editor of the SQL page: a text field that completes names of tables, columns and words of the language.

Belongs here: mounting the component, what is typed and when it was asked to run. Does not belong here: running it.
Ready-made editors were looked at: those for Streamlit are old wrappers, or fetch their program from another server,
which the policy of our pages forbids.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import streamlit as st

from dashboards.context import Context
from dashboards.map.component import component
from warehouse.lake.dictionary import data_dictionary

KEY: Final = "sql_editor"
TEXT, GIVEN = "sql_text", "sql_given"
_ASSETS: Final = Path(__file__).parent / "assets"
_HEIGHT: Final = 220
_WORDS: Final = (
    "SELECT FROM WHERE GROUP BY ALL ORDER HAVING QUALIFY LIMIT JOIN LEFT USING WITH AS ON AND OR NOT NULL BETWEEN",
    "CASE WHEN THEN ELSE END DISTINCT COUNT SUM AVG MIN MAX ROUND COALESCE FILTER OVER PARTITION UNION INTERVAL",
    "DATE_TRUNC EXPLAIN DESCRIBE SUMMARIZE DESC",
)


@lru_cache(maxsize=2)
def _names(language: str) -> list[dict[str, Any]]:
    tables = data_dictionary().tables
    found = [
        {"kind": "table", "name": table.name, "words": table.zh if language == "zh" else table.about_en}
        for table in tables
    ]
    columns: dict[str, dict[str, Any]] = {}
    for table in tables:
        for column in table.columns:
            words = column.zh if language == "zh" else column.about_en
            known = columns.setdefault(
                column.name, {"kind": "column", "name": column.name, "words": words, "tables": []}
            )
            known["tables"].append(table.name)
    return [
        *found,
        *columns.values(),
        *({"kind": "word", "name": word, "words": ""} for word in " ".join(_WORDS).split()),
    ]


def put(text: str) -> None:
    """Put another text into the editor: call it before ``draw``, or run the page again."""
    st.session_state[TEXT] = text
    st.session_state[GIVEN] = st.session_state.get(GIVEN, 0) + 1


def text() -> str:
    """What stands in the editor."""
    return str(st.session_state.get(TEXT, ""))


def draw(context: Context, on_run: Callable[[], None]) -> None:
    """Draw the editor; ``on_run`` is called when Ctrl+Enter was pressed in it, and the page runs again."""

    def changed() -> None:
        state = st.session_state.get(KEY) or {}
        typed = state.get("run") or state.get("text")
        if isinstance(typed, str):
            st.session_state[TEXT] = typed

    def run() -> None:
        changed()
        on_run()

    component("sql_editor", "<div class='editor'></div>", "editor.css", "editor.js", _ASSETS)(
        key=KEY,
        data={
            "text": text(),
            "given": st.session_state.get(GIVEN, 0),
            "names": _names(context.language),
            "label": context.text("sql.editor"),
            "hint": context.text("sql.hint"),
            "height": _HEIGHT,
        },
        height=_HEIGHT + 6,
        on_text_change=changed,
        on_run_change=run,
    )
