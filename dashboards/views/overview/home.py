"""数据监管: the home page."""

from __future__ import annotations

from dashboards.frame import Context, View

VIEW = View(path="home", title="home.title", section="section.overview", icon=":material/monitoring:", is_start=True)


def render(context: Context) -> None:
    """Draw the page."""
    context.publication()
