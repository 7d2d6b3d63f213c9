"""Code sets and their labels in both languages, read from the seed that dbt loads too.

Belongs here: looking up codes and labels. Does not belong here: the labels themselves
(``dbt_project/seeds/code_label.csv``) or translations of anything that is not a code.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

SEED: Final = Path(__file__).resolve().parents[1] / "dbt_project" / "seeds" / "code_label.csv"


class Label(NamedTuple):
    """The label of one code in both languages."""

    zh: str
    en: str


@cache
def code_sets() -> Mapping[str, Mapping[str, Label]]:
    """Every code set by name: code to label, in the order of the seed."""
    sets: dict[str, dict[str, Label]] = {}
    with SEED.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            sets.setdefault(row["code_set"], {})[row["code"]] = Label(row["zh"], row["en"])
    return MappingProxyType({name: MappingProxyType(labels) for name, labels in sets.items()})


def codes(code_set: str) -> tuple[str, ...]:
    """The codes of ``code_set`` in the order of the seed.

    Raises:
        KeyError: there is no such code set.
    """
    return tuple(code_sets()[code_set])


def label(code_set: str, code: str, language: str) -> str:
    """The label of ``code`` in ``language`` ("zh", else English); a code that is not known is its own label."""
    found = code_sets().get(code_set, {}).get(code)
    if found is None:
        return code
    return found.zh if language == "zh" else found.en


def code_of(code_set: str, text: str) -> str | None:
    """The code that ``text`` names, as code or as label of either language; None when there is none."""
    wanted = text.strip()
    labels = code_sets().get(code_set, {})
    if wanted in labels:
        return wanted
    return next((code for code, found in labels.items() if wanted in found), None)
