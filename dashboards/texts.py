"""The words of the pages in both languages.

Belongs here: reading the catalogs under locale/. Does not belong here: labels of codes (warehouse.codes) and headers
of reports, which are data. A catalog is a flat JSON object, key to sentence, with ``{name}`` placeholders.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

LOCALE = Path(__file__).parent / "locale"


@lru_cache(maxsize=4)
def catalog(language: str) -> dict[str, str]:
    """Key to sentence of one language; FileNotFoundError for a language that has no catalog."""
    loaded: dict[str, str] = json.loads((LOCALE / f"{language}.json").read_text(encoding="utf-8"))
    return loaded


@dataclass(frozen=True)
class Texts:
    """Call it with a key: ``text("home.title")``; a key that is missing is an error, found by a test."""

    language: str

    def __call__(self, key: str, /, **values: object) -> str:
        """The sentence for ``key`` with its placeholders filled; KeyError when the catalog lacks it."""
        return catalog(self.language)[key].format(**values)
