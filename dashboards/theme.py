"""How the pages look, and every Streamlit option that they rely on.

Belongs here: colours, fonts, Streamlit's configuration. Options are set by code and not by a file, so that the pages
look and behave alike from whichever folder they are started. Without ``theme.base`` the browser's preference decides
between light and dark.
"""

from __future__ import annotations

from typing import Any

BLUE, GREEN, ORANGE, VIOLET, CYAN, RED, GREY = (
    "#1f5fe0",
    "#12b76a",
    "#f79009",
    "#7a5af8",
    "#06aed4",
    "#f04438",
    "#98a2b3",
)
ROSE, LIME = "#ee46bc", "#66c61c"
PALETTE = (BLUE, GREEN, ORANGE, VIOLET, CYAN, RED, ROSE, LIME, GREY)

SANS = "'PingFang SC', 'HarmonyOS Sans SC', 'Microsoft YaHei', 'Noto Sans CJK SC', 'Source Han Sans SC', sans-serif"
MONO = "'JetBrains Mono', 'Cascadia Mono', Consolas, 'Noto Sans Mono CJK SC', monospace"

SHARED = {
    "font": SANS,
    "codeFont": MONO,
    "baseFontSize": 14,
    "baseRadius": "8px",
    "buttonRadius": "6px",
    "showWidgetBorder": True,
    "showSidebarBorder": False,
    "linkUnderline": False,
    "headingFontSizes": ["24px", "20px", "17px", "15px", "14px", "13px"],
    "headingFontWeights": [600, 600, 600, 600, 600, 600],
    "paddingTop": "1.1rem",
    "paddingBottom": "2rem",
    "chartCategoricalColors": list(PALETTE),
}
LIGHT = {
    "primaryColor": "#1456d8",
    "backgroundColor": "#f4f6fa",
    "secondaryBackgroundColor": "#ffffff",
    "textColor": "#1d2939",
    "borderColor": "#e4e7ec",
    "linkColor": "#1456d8",
}
DARK = {
    "primaryColor": "#528bff",
    "backgroundColor": "#0b1220",
    "secondaryBackgroundColor": "#131c2e",
    "textColor": "#e4e7ec",
    "borderColor": "#24304a",
    "linkColor": "#84adff",
}
SIDEBAR_LIGHT = {
    "backgroundColor": "#0c1f4a",
    "secondaryBackgroundColor": "#16306b",
    "textColor": "#d5def3",
    "primaryColor": "#84adff",
    "borderColor": "#24407f",
}
SIDEBAR_DARK = {
    "backgroundColor": "#080e1a",
    "secondaryBackgroundColor": "#131c2e",
    "textColor": "#d5def3",
    "primaryColor": "#84adff",
    "borderColor": "#24304a",
}


def streamlit_options() -> dict[str, Any]:
    """Every option that differs from Streamlit's defaults, dotted name to value."""
    options: dict[str, Any] = {
        "global.developmentMode": False,
        "server.headless": True,
        "server.fileWatcherType": "none",
        "server.showEmailPrompt": False,
        "server.disconnectedSessionTTL": 60,
        "server.maxUploadSize": 20,
        # Otherwise every page reports its use to the maker's servers.
        "browser.gatherUsageStats": False,
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",
        "client.showErrorLinks": False,
        # The grid's own download holds only the page shown, not the whole filter.
        "client.disableDataExport": True,
        # Embedding hosts may talk to a page by default; ours may not be embedded.
        "client.allowedOrigins": [],
        "runner.magicEnabled": False,
        # A full collection after each run cost 80 of 146 ms of a home rerun; server.py freezes what is loaded instead.
        "runner.postScriptGC": False,
    }
    for prefix, values in (
        ("theme", SHARED),
        ("theme.light", LIGHT),
        ("theme.dark", DARK),
        ("theme.light.sidebar", SIDEBAR_LIGHT),
        ("theme.dark.sidebar", SIDEBAR_DARK),
    ):
        options |= {f"{prefix}.{name}": value for name, value in values.items()}
    return options
