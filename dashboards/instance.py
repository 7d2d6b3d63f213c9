"""What one pages process holds once: settings, the reader of the published snapshot, results.

Streamlit runs the page script anew for each view, so process-wide things live here and not in the script.
"""

from __future__ import annotations

from functools import cache

from dashboards.results import Results
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


@cache
def results() -> Results:
    """The results of this process."""
    return Results()


def figures() -> dict[str, float]:
    """What this process counted since it started, for its signs of life."""
    kept = results()
    return {"reports_asked": kept.asked, "reports_computed": kept.computed, "faults": kept.faults}
