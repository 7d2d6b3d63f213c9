"""Where a lot's page is: ``?lot=<code>&tab=<section>``.

Belongs here: reading and writing that address. Does not belong here: the page.
"""

from __future__ import annotations

import streamlit as st

LOT = "lot"
TAB = "tab"


def go_to(code: str) -> None:
    """Show a lot at the next run."""
    st.query_params.from_dict({LOT: code})


def go_to_list() -> None:
    """Show the list at the next run."""
    st.query_params.clear()
