"""Log lines: fields, forms, and no secrets."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from warehouse.logs import about, set_up
from warehouse.settings import Settings

LOG = logging.getLogger("park.test")


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)


def settings(tmp_path: Path, log_format: str = "json") -> Settings:
    return Settings(
        home=tmp_path,
        log_format=log_format,
        ops_url="postgresql://park:s%40fe-word@db/park",
        smtp_password=SecretStr("letter-key"),
    )


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_line_is_one_json_object_with_the_fields_of_its_blocks_and_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up(settings(tmp_path), "gateway")
    with about(request_id="r1", lot="L1"), about(segment="s1"):
        LOG.info("first\nand second line", extra={"records": 3})
    LOG.debug("too quiet")
    (line,) = lines(capsys)
    assert line["message"] == "first\nand second line"
    assert {name: line[name] for name in ("level", "process", "request_id", "lot", "segment", "records")} == {
        "level": "info",
        "process": "gateway",
        "request_id": "r1",
        "lot": "L1",
        "segment": "s1",
        "records": 3,
    }
    assert str(line["time"]).endswith("+00:00")


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_secrets_are_never_written_in_messages_fields_or_tracebacks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], log_format: str
) -> None:
    set_up(settings(tmp_path, log_format), "pages")
    LOG.warning("cannot reach postgresql://park:other-word@db/park, mail letter-key", extra={"code": "s@fe-word"})
    LOG.warning('answered {"password": "open sesame", "token": "abc"} and Authorization: Bearer xyz')
    try:
        raise ValueError("s%40fe-word secret=hush")
    except ValueError:
        LOG.exception("failed")
    said = capsys.readouterr().err
    for secret in ("other-word", "letter-key", "s@fe-word", "s%40fe-word", "open sesame", "abc", "xyz", "hush"):
        assert secret not in said, secret
    assert "ValueError" in said
    assert "***" in said


def test_text_lines_carry_their_fields_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    set_up(settings(tmp_path, "text"), "lander")
    with about(batch_id="b7"):
        LOG.error("stuck")
    assert "ERROR park.test stuck  [batch_id=b7]" in capsys.readouterr().err


def test_a_field_that_is_not_known_is_refused() -> None:
    with pytest.raises(ValueError, match="plate"), about(plate="粤B12345"):
        pass
