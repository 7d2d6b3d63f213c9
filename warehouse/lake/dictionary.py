"""The data dictionary: what each table and column of the analysts' files means, in both languages; example queries.

Belongs here: reading ``data_dictionary.json``, which ``python -m pipelines.dictionary`` makes from the models, and
``example_queries.toml``. Does not belong here: making them.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

DICTIONARY_FILE: Final = Path(__file__).with_name("data_dictionary.json")
EXAMPLES_FILE: Final = Path(__file__).with_name("example_queries.toml")


class DictionaryColumn(msgspec.Struct, frozen=True):
    """A column: name, DuckDB type, Chinese name, and a sentence about it in each language."""

    name: str
    type: str
    zh: str
    about_zh: str
    about_en: str


class DictionaryTable(msgspec.Struct, frozen=True):
    """A table; ``grain`` are the columns that tell its rows apart, ``made_from`` the tables it is computed from."""

    name: str
    domain: str
    zh: str
    about_zh: str
    about_en: str
    grain: tuple[str, ...]
    made_from: tuple[str, ...]
    columns: tuple[DictionaryColumn, ...]


class Dictionary(msgspec.Struct, frozen=True):
    """All tables, in the order of their domains."""

    tables: tuple[DictionaryTable, ...]


class Example(msgspec.Struct, frozen=True):
    """A query to begin with, and what it shows."""

    zh: str
    en: str
    sql: str


@cache
def data_dictionary() -> Dictionary:
    """The dictionary of this version."""
    return msgspec.json.decode(DICTIONARY_FILE.read_bytes(), type=Dictionary)


@cache
def example_queries() -> tuple[Example, ...]:
    """The queries to begin with."""
    found = tomllib.loads(EXAMPLES_FILE.read_text(encoding="utf-8"))["example"]
    return tuple(Example(one["zh"], one["en"], one["sql"].strip()) for one in found)


def first_query(table: DictionaryTable) -> str:
    """A query that shows what a table looks like."""
    columns = ", ".join(column.name for column in table.columns[:8])
    return f"SELECT {columns}\nFROM {table.name}\nLIMIT 100"
