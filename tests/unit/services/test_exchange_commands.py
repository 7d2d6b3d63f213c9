"""The commands of import, export and the operator log."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from tests.unit.security.tenants import Tenants, tenants_in
from warehouse import audit_commands, exchange_commands
from warehouse.errors import ParkError

AGENTS = "code,name,phone\nA-1,甲,00123\n"


@pytest.fixture
def tenants(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tenants:
    monkeypatch.setenv("PARK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PARK_LANGUAGE", "en")
    return tenants_in(tmp_path / "home")


def run(*arguments: str) -> tuple[int, str]:
    app = typer.Typer()
    audit_commands.register(app)
    exchange_commands.register(app)
    result = CliRunner().invoke(app, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def test_a_table_is_imported_and_exported(tenants: Tenants, tmp_path: Path) -> None:
    file = tmp_path / "agents.csv"
    file.write_text(AGENTS, encoding="utf-8")
    assert run("import", "agents", str(file), "--dry-run") == (
        0,
        "not written: new 1, changed 0, unchanged 0, wrong 0\n",
    )
    assert run("import", "agents", str(file))[1].startswith("written: new 1")
    out = tmp_path / "out.csv"
    assert run("export", "agents", "-o", str(out))[0] == 0
    assert "A-1,甲,,00123" in out.read_text(encoding="utf-8-sig")


def test_a_wrong_line_ends_in_exit_code_1_and_is_told(tenants: Tenants, tmp_path: Path) -> None:
    file = tmp_path / "agents.csv"
    file.write_text(AGENTS + "A 2,乙,\n", encoding="utf-8")
    code, output = run("import", "agents", str(file))
    assert code == 1
    assert "line 3, Agent code“A 2”" in output
    code, output = run("import", "agents", str(file), "--json", "--dry-run")
    assert code == 1
    report = json.loads(output)
    assert (report["new"], report["wrong"], report["problems"][0]["line"]) == (1, 1, 3)
    assert run("import", "agents", str(file), "--skip-wrong")[0] == 0


def test_generated_passwords_go_to_a_file_that_only_its_owner_reads(tenants: Tenants, tmp_path: Path) -> None:
    file = tmp_path / "operators.csv"
    file.write_text("login,name,role,node\nli,李,财务,sun\n", encoding="utf-8")
    assert run("import", "operators", str(file), "--as", "sun")[0] == 0
    results = tmp_path / "operators-results.csv"
    assert stat.S_IMODE(results.stat().st_mode) == 0o600
    assert "li,李,财务,sun," in results.read_text(encoding="utf-8-sig")
    assert tenants.log("operators.edit")[-1].login == "sun"


def test_a_command_as_a_login_has_that_logins_rights(tenants: Tenants, tmp_path: Path) -> None:
    with pytest.raises(ParkError, match=r"agents\.export"):
        run("export", "agents", "-o", str(tmp_path / "x.csv"), "--as", "sun")
    run("export", "operators", "-o", str(tmp_path / "o.csv"), "--as", "moon")
    assert "sun-finance" not in (tmp_path / "o.csv").read_text(encoding="utf-8-sig")


def test_the_log_is_listed_and_verified(tenants: Tenants, tmp_path: Path) -> None:
    run("export", "agents", "-o", str(tmp_path / "x.csv"), "--template")
    assert run("audit", "verify")[1].startswith("0 entries, whole")
    run("export", "operators", "-o", str(tmp_path / "x.csv"), "--as", "moon")
    assert "operators.export" in run("audit", "list")[1]
    assert json.loads(run("audit", "list", "--json", "--as", "moon")[1])[0]["login"] == "moon"
    assert json.loads(run("audit", "list", "--json", "--as", "sun")[1]) == []
    code, output = run("audit", "verify", "--json")
    assert (code, json.loads(output)["entries"]) == (0, 1)
