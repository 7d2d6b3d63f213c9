"""Both languages have every sentence that the pages use, and nothing else."""

from __future__ import annotations

import ast
import re
from string import Formatter

import pytest

from dashboards.requests import LANGUAGES
from dashboards.texts import LOCALE, Texts, catalog
from warehouse.reports.catalogue import LISTED
from warehouse.security.permissions import ALL_PERMISSIONS

DASHBOARDS = LOCALE.parent
KEY = re.compile(r"[a-z_]+(\.[a-z0-9_]+)*")


def prefixes() -> set[str]:
    return {key.split(".")[0] for key in catalog("zh")}


def used_patterns() -> set[str]:
    """Regular expressions of the keys in the pages: literals, and f-strings whose variable parts stand for anything."""
    patterns = set()
    for file in DASHBOARDS.rglob("*.html"):
        patterns |= {re.escape(key) for key in re.findall(r'text\("([a-z0-9_.]+)"', file.read_text(encoding="utf-8"))}
    for file in DASHBOARDS.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                is_key = KEY.fullmatch(node.value) and not node.value.endswith("_")
                if is_key and ("." in node.value or node.value == "brand"):
                    patterns.add(re.escape(node.value))
            elif isinstance(node, ast.JoinedStr):
                parts = [
                    re.escape(part.value) if isinstance(part, ast.Constant) else "[a-z0-9_.]*" for part in node.values
                ]
                written = "".join(part.value for part in node.values if isinstance(part, ast.Constant))
                if isinstance(node.values[0], ast.Constant) and KEY.fullmatch(written.rstrip("._")) and "." in written:
                    patterns.add("".join(parts))
    files = ("html", "xlsx")
    return {pattern for pattern in patterns if pattern.split("\\.")[0] in prefixes() and not pattern.endswith(files)}


def fields(sentence: str) -> set[str]:
    return {name for _text, name, _spec, _conversion in Formatter().parse(sentence) if name}


def test_both_languages_have_the_same_keys() -> None:
    assert catalog("zh").keys() == catalog("en").keys()


def test_the_sentences_of_a_key_have_the_same_placeholders() -> None:
    assert {key: fields(catalog("zh")[key]) for key in catalog("zh")} == {
        key: fields(catalog("en")[key]) for key in catalog("en")
    }


def test_every_key_that_the_pages_use_exists() -> None:
    # Permissions and events of the operator log look like keys: "agents.edit".
    for pattern in used_patterns() - {re.escape(name) for name in (*ALL_PERMISSIONS, "report.mismatch")}:
        assert any(re.fullmatch(pattern, key) for key in catalog("zh")), pattern


def test_every_key_is_used() -> None:
    literal = {pattern for pattern in used_patterns() if "*" not in pattern}
    made = [re.compile(pattern) for pattern in used_patterns() - literal]
    unused = [
        key
        for key in catalog("zh")
        if re.escape(key) not in literal and not any(pattern.fullmatch(key) for pattern in made)
    ]
    assert unused == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_is_empty_but_units(language: str) -> None:
    assert {key for key, sentence in catalog(language).items() if not sentence} <= {"home.unit.car"}


def test_english_sentences_hold_no_chinese_but_the_name_of_the_language() -> None:
    chinese = {key for key, sentence in catalog("en").items() if re.search(r"[\u4e00-\u9fff]", sentence)}
    assert chinese <= {"language.other", "login.other_language", "account.other_language"}


def test_every_way_to_sum_up_a_report_has_its_words() -> None:
    units = {
        code
        for report in LISTED
        for parameter in report.parameters
        if parameter.key == "by"
        for code in parameter.choices
    }
    assert {f"report.choice_by_{unit}" for unit in units} <= catalog("zh").keys()


def test_a_missing_key_is_an_error_and_not_an_empty_place() -> None:
    with pytest.raises(KeyError):
        Texts("zh")("home.no_such_key")
