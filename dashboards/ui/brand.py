"""The brand as pictures: the mark, and the mark with the product's name."""

from __future__ import annotations

from html import escape

from dashboards.theme import SANS

_MARK = (
    "<rect width='32' height='32' rx='8' fill='#1f6bff'/>"
    "<path d='M11 25V7h6.2a5.8 5.8 0 0 1 0 11.6H14.6V25zm3.6-9.6h2.3a2.6 2.6 0 0 0 0-5.2h-2.3z' fill='#fff'/>"
)
MARK = f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32' width='32' height='32'>{_MARK}</svg>"


def wordmark(name: str) -> str:
    """The mark and ``name`` in white, for the dark sidebar."""
    width = 44 + sum(19 if ord(letter) > 255 else 11 for letter in name)
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} 32' width='{width}' height='32'>{_MARK}"
        f'<text x="42" y="22.5" font-family="{SANS}" font-size="18" font-weight="600" fill="#ffffff">'
        f"{escape(name)}</text></svg>"
    )
