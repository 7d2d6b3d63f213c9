"""Both languages have every sentence that the pages use, and nothing else."""

from __future__ import annotations

import re
from string import Formatter

import pytest

from dashboards.requests import LANGUAGES
from dashboards.texts import LOCALE, Texts, catalog

DASHBOARDS = LOCALE.parent
# Keys are written as literals; an f-string's variable part stands for any suffix.
CALL = re.compile(r"""text\(\s*(f?)"([a-z_.{}]+)\"""")
LITERAL = re.compile(r'"((?:section|home|frame|login|empty|brand|language)(?:\.[a-z_]+)+)"')


def used_patterns() -> set[str]:
    patterns = set()
    for file in DASHBOARDS.rglob("*.py"):
        source = file.read_text(encoding="utf-8")
        for is_format, key in CALL.findall(source):
            literal = re.escape(key) if not is_format else re.sub(r"\\\{[^}]*\\\}", r"[a-z_.]*", re.escape(key))
            patterns.add(literal)
        patterns |= {re.escape(key) for key in LITERAL.findall(source) if not key.endswith(".html")}
        patterns |= {
            re.sub(r"\{[^}]*\}", "[a-z_.]*", key).replace(".", r"\.", 1)
            for key in re.findall(r'f"((?:home|frame)\.[^"]*)"', source)
        }
    return patterns


def fields(sentence: str) -> set[str]:
    return {name for _text, name, _spec, _conversion in Formatter().parse(sentence) if name}


def test_both_languages_have_the_same_keys() -> None:
    assert catalog("zh").keys() == catalog("en").keys()


def test_the_sentences_of_a_key_have_the_same_placeholders() -> None:
    assert {key: fields(catalog("zh")[key]) for key in catalog("zh")} == {
        key: fields(catalog("en")[key]) for key in catalog("en")
    }


def test_every_key_that_the_pages_use_exists() -> None:
    for pattern in used_patterns():
        assert any(re.fullmatch(pattern, key) for key in catalog("zh")), pattern


def test_every_key_is_used() -> None:
    patterns = used_patterns()
    unused = [key for key in catalog("zh") if not any(re.fullmatch(pattern, key) for pattern in patterns)]
    assert unused == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_is_empty_but_units(language: str) -> None:
    assert {key for key, sentence in catalog(language).items() if not sentence} <= {"home.unit.car"}


def test_english_sentences_hold_no_chinese_but_the_name_of_the_language() -> None:
    chinese = {key for key, sentence in catalog("en").items() if re.search(r"[\u4e00-\u9fff]", sentence)}
    assert chinese == {"language.other"}


def test_a_missing_key_is_an_error_and_not_an_empty_place() -> None:
    with pytest.raises(KeyError):
        Texts("zh")("home.no_such_key")
