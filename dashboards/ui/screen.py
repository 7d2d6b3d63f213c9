"""A page as a screen on the wall: nothing but its content, larger, read from afar.

Belongs here: hiding the frame, the line at the top with name and clock, the keys. Does not belong here: what is shown.
"""

from __future__ import annotations

import json
from datetime import datetime
from html import escape

import streamlit as st

# Scaled as a whole, so that texts and cards keep the proportions of a desk's screen. Charts measure themselves in
# pixels of the screen and would be scaled twice.
_STYLE = """
[data-testid=stSidebar],[data-testid=stExpandSidebarButton],header[data-testid=stHeader]{display:none!important}
[data-testid=stMain]{overflow-x:hidden}
[data-testid=stMainBlockContainer]{max-width:none!important;padding:12px 20px 0!important;transform-origin:0 0;
align-self:flex-start;width:calc(100% / var(--scale,1));transform:scale(var(--scale,1))}
.js-plotly-plot{width:calc(100% * var(--scale,1))!important;transform-origin:0 0;
transform:scale(calc(1 / var(--scale,1)))}
.pc-k .v{font-size:30px}.pc-k .v small{font-size:14px}.pc-k .f span{font-size:13px}.pc-i{display:none}
@media (min-width:1800px){:root{--scale:1.25}}
@media (min-width:2400px){:root{--scale:1.66}}
@media (min-width:3600px){:root{--scale:2.5}}
.pc-quiet *{cursor:none!important}
"""
# The clock is the server's: it is set by each part of the page that arrives, and goes on from there.
_SCRIPT = """<script>
if (!window.parkScreen) {
  window.parkScreen = true;
  let told = "", ahead = 0, quiet = 0;
  setInterval(() => {
    const clock = document.querySelector(".pc-tv time");
    if (!clock) return;
    if (clock.dataset.now !== told) { told = clock.dataset.now; ahead = Number(told) - Date.now(); }
    clock.textContent = new Date(Date.now() + ahead).toLocaleTimeString("zh-CN", {
      timeZone: clock.dataset.zone, hour12: false});
  }, 500);
  const move = () => {
    document.body.classList.remove("pc-quiet");
    clearTimeout(quiet);
    quiet = setTimeout(() => document.body.classList.add("pc-quiet"), 4000);
  };
  addEventListener("mousemove", move);
  move();
  addEventListener("keydown", (pressed) => {
    if (pressed.key === "Escape") location.assign(LEAVE);
    if (pressed.key === "f" && !document.fullscreenElement) document.documentElement.requestFullscreen();
  });
}
</script>"""


def begin(leave: str) -> None:
    """Hide the frame; Escape leads to the address ``leave``, f fills the screen."""
    st.html(f"<style>{_STYLE}</style>")
    st.html(_SCRIPT.replace("LEAVE", json.dumps(leave).replace("<", "\\u003c")), unsafe_allow_javascript=True)


def head(name: str, step: int, steps: int, *, now: datetime, local: datetime, leave: str, leave_label: str) -> None:
    """The line at the top: whose figures, which of how many, the time of ``local``'s zone, and the way out."""
    dots = "".join(f"<i class='{'on' if one == step else ''}'></i>" for one in range(steps)) if 1 < steps <= 40 else ""
    st.html(
        f"<div class='pc-tv'><b>{escape(name)}</b><span class='pc-tv-steps' aria-hidden='true'>{dots}</span>"
        f"<span>{local:%Y-%m-%d}</span><time data-now='{round(now.timestamp() * 1000)}'"
        f" data-zone='{escape(str(local.tzinfo), quote=True)}'>{local:%H:%M:%S}</time>"
        f"<a href='{escape(leave, quote=True)}' target='_self'>{escape(leave_label)}</a></div>"
    )
