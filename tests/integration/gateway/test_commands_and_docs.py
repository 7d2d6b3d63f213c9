"""The commands of this way in, and the examples of docs/upload-api.md, as a reader would run them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ingest.journal import Journal

Entries = Callable[..., list[dict[str, Any]]]
DOCUMENT = Path(__file__).parents[3] / "docs" / "upload-api.md"


def run(instance: Any, *arguments: str) -> tuple[int, str]:
    process = instance.start(*arguments)
    code = process.popen.wait(120)
    text = process.log.read_text()
    process.log.unlink()
    return code, text


def example(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    assert found is not None
    return found.group(1)


def test_a_credential_is_made_listed_and_revoked_on_the_command_line(instance: Any) -> None:
    code, text = run(instance, "lots", "credential", "L1", "--json")
    made = json.loads(text)
    assert (code, made["lot"], len(made["secret"]) > 30) == (0, "L1", True)
    assert run(instance, "lots", "credential", "L1", "--revoke", made["key_id"])[0] == 0
    code, text = run(instance, "lots", "credential", "L1", "--list", "--json")
    listed = {row["key_id"]: row["revoked_at"] for row in json.loads(text)}
    assert listed[made["key_id"]] is not None
    assert listed[instance.keys["L1"][0]] is None
    code, text = run(instance, "lots", "credential", "L2", "--revoke", made["key_id"])
    assert (code, text.count("\n"), made["key_id"] in text) == (1, 1, True)
    code, text = run(instance, "lots", "credential", "nowhere")
    assert (code, text.count("\n"), "nowhere" in text) == (1, 1, True)


def test_land_once_tells_what_it_did_and_fails_loudly_for_what_it_set_aside(instance: Any, entries: Entries) -> None:
    with instance.gateway() as url, instance.client(url) as client:
        client.send(entries(4))
    code, text = run(instance, "land", "--once", "--json")
    assert code == 0
    assert json.loads(text)["records"] == 4
    code, text = run(instance, "land", "--once", "--follow")
    assert (code, text.count("\n")) == (1, 1)
    journal = Journal(instance.settings.journal_path)
    (journal.sealed / "00000000000000000001-1-00000000.ndjson").mkdir()
    (instance.settings.journal_path / "attempts.json").write_text(
        json.dumps({"00000000000000000001-1-00000000.ndjson": {"begun": 0, "failed": 4}})
    )
    code, text = run(instance, "land", "--once")
    assert code == 1
    assert str(journal.failed) in text


def test_the_documented_python_example_uploads_a_record(served: tuple[Any, str], entries: Entries) -> None:
    instance, url = served
    names: dict[str, Any] = {}
    exec(example("python"), names)
    answer = names["send"](url, "L1", *instance.keys["L1"], entries(2, "documented-"))
    assert (answer["accepted"], answer["records"]) == (2, [])


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("openssl")), reason="needs curl and openssl")
def test_the_documented_curl_example_uploads_a_record(served: tuple[Any, str], tmp_path: Path) -> None:
    instance, url = served
    key, secret = instance.keys["L1"]
    script = example("sh")
    script = script.replace("KEY=pk_…", f"KEY={key}").replace("SECRET=…", f"SECRET={secret}")
    script = script.replace("GATEWAY=http://127.0.0.1:8701", f"GATEWAY={url}")
    done = subprocess.run(["bash", "-euc", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["accepted"] == 1
