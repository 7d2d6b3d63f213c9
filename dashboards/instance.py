"""What one pages process holds once: its settings and its reader of the published snapshot.

Streamlit runs the page script anew for each view, so process-wide things live here and not in the script.
"""

from __future__ import annotations

from functools import cache

from warehouse.lake.reader import Reader
from warehouse.settings import Settings, load_settings


@cache
def settings() -> Settings:
    """The settings of this process, read once."""
    return load_settings()


@cache
def reader() -> Reader:
    """The one reader of this process; opens the lake at the first query."""
    return Reader(settings())
