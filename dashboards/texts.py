"""The words of the pages in both languages.

Belongs here: reading the gettext catalogs under ``locale/<language>/LC_MESSAGES/<domain>.po``. Does not belong here:
labels of codes (warehouse.codes) and headers of reports, which are data. A message id is a key such as ``home.title``,
its translation a sentence with ``{name}`` placeholders; each key stands in one domain only.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from babel.messages.pofile import read_po

LOCALE = Path(__file__).parent / "locale"


@lru_cache(maxsize=4)
def catalog(language: str) -> dict[str, str]:
    """Key to sentence of one language, all domains together.

    Raises:
        FileNotFoundError: the language has no catalogs.
        ValueError: a key stands in two domains.
    """
    files = sorted((LOCALE / language / "LC_MESSAGES").glob("*.po"))
    if not files:
        raise FileNotFoundError(LOCALE / language)
    sentences: dict[str, str] = {}
    for file in files:
        with file.open("rb") as opened:
            for message in read_po(opened, locale=language, domain=file.stem, abort_invalid=True):
                if not message.id:
                    continue
                key, sentence = str(message.id), str(message.string)
                if key in sentences:
                    raise ValueError(f"{key} stands in {file.name} and in another catalog")
                sentences[key] = sentence
    return sentences


@dataclass(frozen=True)
class Texts:
    """Call it with a key: ``text("home.title")``; a key that is missing is an error, found by a test."""

    language: str

    def __call__(self, key: str, /, **values: object) -> str:
        """The sentence for ``key`` with its placeholders filled; KeyError when the catalogs lack it."""
        return catalog(self.language)[key].format(**values)
