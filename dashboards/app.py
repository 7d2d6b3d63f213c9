"""The page script that Streamlit runs for each view of a page; everything is in frame.py."""

from __future__ import annotations

from dashboards import frame

frame.run()
