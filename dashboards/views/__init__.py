"""The pages, in the order of the menu."""

from __future__ import annotations

from dashboards.views.overview import home

MODULES = (home,)
