"""Rules about where things may be, checked on the files that are tracked."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from warehouse.settings import PROJECT_ROOT, Settings

PACKAGES = ("warehouse", "ingest", "pipelines", "dashboards")
MAY_IMPORT_DUCKDB = ("warehouse/lake/", "ingest/", "pipelines/", "tests/", "benchmarks/")
MAY_HOLD_SQL = ("warehouse/lake/", "warehouse/reports/", "warehouse/ops/migrations/", "ingest/")
SQL = re.compile(
    r"^\s*(select\s.+\sfrom\s|insert\s+into\s|update\s+\S+\s+set\s|delete\s+from\s|with\s+\w+\s+as\s*\(|"
    r"create\s+(or\s+replace\s+)?(temp\s+)?(table|view|schema)\s|drop\s+(table|schema|view)\s|alter\s+table\s|attach\s+')",
    re.IGNORECASE | re.DOTALL,
)
SECRET = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY|AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36}|xox[baprs]-[A-Za-z0-9-]{10,}"
)
# Package registries, home folders and the like: true of one machine only.
MACHINE = re.compile(
    r"https?://[^\s\"'<>]*(pypi|pythonhosted|npmjs|debian\.org|/simple/)|--index-url|--extra-index-url|"
    r"(?<![\w.$])/(home|Users)/[A-Za-z]|(?<![\w.$])/(root|work)/",
)


@cache
def tracked() -> tuple[str, ...]:
    """Files of the project: tracked ones and new ones that are not ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT_ROOT,
        capture_output=True,
        check=True,
        text=True,
    ).stdout.split("\0")
    return tuple(sorted(name for name in listed if name and (PROJECT_ROOT / name).is_file()))


def texts(*suffixes: str) -> Iterator[tuple[str, str]]:
    for name in tracked():
        if not suffixes or name.endswith(suffixes):
            try:
                yield name, (PROJECT_ROOT / name).read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module


def sql_strings(tree: ast.AST) -> Iterator[tuple[int, str]]:
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            if SQL.match(node.value):
                yield node.lineno, node.value[:60]
        elif isinstance(node, ast.JoinedStr):
            first = node.values[0] if node.values else None
            if isinstance(first, ast.Constant) and SQL.match(str(first.value) + " x from x"):
                yield node.lineno, str(first.value)[:60]


def test_the_dependency_rules_are_linted_and_hold() -> None:
    ran = subprocess.run(
        [str(Path(__import__("sys").executable).with_name("lint-imports"))],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout
    assert "0 broken" in ran.stdout


def test_duckdb_is_imported_only_where_the_lake_is_read_or_written() -> None:
    outside = [
        name
        for name, text in texts(".py")
        if not name.startswith(MAY_IMPORT_DUCKDB) and any(m.split(".")[0] == "duckdb" for m in imports(ast.parse(text)))
    ]
    assert outside == []


def test_sql_is_written_only_where_it_belongs() -> None:
    outside = [
        f"{name}:{line} {start}"
        for name, text in texts(".py")
        if name.startswith(PACKAGES) and not name.startswith(MAY_HOLD_SQL)
        for line, start in sql_strings(ast.parse(text))
    ]
    assert outside == []


def test_the_environment_is_read_only_in_settings() -> None:
    # PARK_* for dbt and DAGSTER_HOME are handed to child processes, which is writing and not reading.
    reading = re.compile(r"os\.environ\.get\(|os\.getenv\(|os\.environ\[[^\]]+\](?!\s*=)")
    found = [name for name, text in texts(".py") if name.startswith(PACKAGES) and reading.search(text)]
    assert found == []


def test_every_setting_is_documented_with_its_default() -> None:
    example = (PROJECT_ROOT / ".env.example").read_text(encoding="utf-8")
    documented = dict(re.findall(r"^#(PARK_[A-Z0-9_]+)=(.*)$", example, re.MULTILINE))
    assert set(documented) == {f"PARK_{name.upper()}" for name in Settings.model_fields}
    for name, field in Settings.model_fields.items():
        assert field.description, name
        shown = documented[f"PARK_{name.upper()}"]
        if name != "home":
            default = field.default
            expected = "" if default is None else str(default).lower() if isinstance(default, bool) else str(default)
            assert shown == expected, name


def test_no_secret_and_nothing_of_one_machine_is_in_the_files() -> None:
    found = []
    for name, text in texts():
        if name in ("tests/architecture/test_boundaries.py",):
            continue
        found += [f"{name}: secret {match.group()[:12]}" for match in SECRET.finditer(text)]
        found += [f"{name}: {match.group()}" for match in MACHINE.finditer(text)]
    assert found == []


def test_the_lock_pins_every_package_by_hash_and_names_no_index() -> None:
    for lock in ("requirements.lock", "requirements-bench.lock"):
        text = (PROJECT_ROOT / lock).read_text(encoding="utf-8")
        packages = re.findall(r"^([A-Za-z0-9_.-]+)==\S+( \\)?$", text, re.MULTILINE)
        assert packages, lock
        assert all(continued for _name, continued in packages), lock
        assert "://" not in text
    assert not (PROJECT_ROOT / "uv.lock").exists()


@pytest.mark.parametrize("package", PACKAGES)
def test_every_module_says_what_it_is_for(package: str) -> None:
    silent = [
        name
        for name, text in texts(".py")
        if name.startswith(f"{package}/") and text.strip() and ast.get_docstring(ast.parse(text)) is None
    ]
    assert silent == []
