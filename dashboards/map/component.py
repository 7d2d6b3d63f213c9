"""Small parts of the map that run in the browser.

Belongs here: making them known to Streamlit, from this server's own files: the policy of our pages runs no script from
elsewhere. Does not belong here: what they do.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import streamlit as st
from streamlit.components.v2.get_bidi_component_manager import get_bidi_component_manager
from streamlit.components.v2.manifest_scanner import ComponentConfig, ComponentManifest

_ASSETS: Final = Path(__file__).parent / "assets"
_PACKAGE: Final = "parkcloud"


def component(name: str, html: str, css: str, js: str, assets: Path = _ASSETS) -> Any:
    """The component ``name`` of these files under ``assets``."""
    manager = get_bidi_component_manager()
    known = f"{_PACKAGE}.{name}"
    if manager.get_component_asset_root(known) is None:
        manager.register_from_manifest(
            ComponentManifest(_PACKAGE, "1", [ComponentConfig(name, assets.name)]), assets.parent
        )
    return st.components.v2.component(known, html=html, css=css, js=js)
