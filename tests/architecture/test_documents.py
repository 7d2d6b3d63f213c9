"""Documents say what the code can do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import typer
import yaml
from typer.main import get_command

from warehouse import cli
from warehouse.settings import PROJECT_ROOT

MODELS = PROJECT_ROOT / "dbt_project" / "models"


def commands() -> Iterator[str]:
    cli._register_all()
    root = get_command(cli.app)

    def walk(command: Any, path: str) -> Iterator[str]:
        for name, child in sorted(getattr(command, "commands", {}).items()):
            if getattr(child, "commands", None):
                yield from walk(child, f"{path} {name}")
            elif not child.hidden:
                yield f"{path} {name}"

    yield from walk(root, "park")


def documents() -> str:
    files = [PROJECT_ROOT / "README.md", *(PROJECT_ROOT / "docs").rglob("*.md")]
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


def mart_models() -> list[dict[str, Any]]:
    return [
        model
        for file in sorted((MODELS / "marts").rglob("*.yml"))
        for model in yaml.safe_load(file.read_text(encoding="utf-8")).get("models", [])
    ]


def test_every_command_is_documented() -> None:
    text = documents()
    found = list(commands())
    assert "park up" in found
    missing = [command for command in found if not re.search(rf"{re.escape(command)}\b", text)]
    assert missing == []


def test_every_command_has_a_help_sentence() -> None:
    assert isinstance(cli.app, typer.Typer)
    cli._register_all()
    root = get_command(cli.app)
    assert all(child.help for child in root.commands.values())  # type: ignore[attr-defined]


def test_every_mart_has_its_description_file_entry() -> None:
    described = {model["name"] for model in mart_models()}
    written = {file.stem for file in (MODELS / "marts").rglob("*.sql")}
    assert described == written


@pytest.mark.parametrize("model", mart_models(), ids=lambda model: str(model["name"]))
def test_every_mart_states_its_grain_and_describes_each_column_in_both_languages(model: dict[str, Any]) -> None:
    assert re.match(r"One row per .+\.", model["description"]), "the grain comes first"
    assert model["config"]["meta"]["zh"]
    tests = [next(iter(test)) if isinstance(test, dict) else test for test in model["data_tests"]]
    assert "unique_grain" in tests
    names = {column["name"] for column in model["columns"]}
    grain = next(test["unique_grain"]["arguments"]["columns"] for test in model["data_tests"] if "unique_grain" in test)
    assert set(grain) <= names
    for column in model["columns"]:
        assert column["data_type"], column["name"]
        assert len(column["description"]) > 3, column["name"]
        assert re.search(r"[\u4e00-\u9fff]", column["config"]["meta"]["zh"]), column["name"]


def test_contracts_of_marts_are_enforced() -> None:
    project = yaml.safe_load((PROJECT_ROOT / "dbt_project" / "dbt_project.yml").read_text(encoding="utf-8"))
    assert project["models"]["parkcloud"]["marts"]["+contract"] == {"enforced": True}
    loosened = [
        file.name for file in (MODELS / "marts").rglob("*.sql") if re.search(r"enforced.{0,10}false", file.read_text())
    ]
    assert loosened == []


def test_links_between_documents_lead_somewhere() -> None:
    broken = []
    for file in [PROJECT_ROOT / "README.md", PROJECT_ROOT / "CONTRIBUTING.md", *(PROJECT_ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", file.read_text(encoding="utf-8")):
            if "://" not in target and not (file.parent / target).exists():
                broken.append(f"{file.relative_to(PROJECT_ROOT)}: {target}")
    assert broken == []
