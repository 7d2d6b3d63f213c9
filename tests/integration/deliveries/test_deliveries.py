"""Deliveries from the clock to the folder and the mailbox."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import dagster as dg
import fastexcel
import pypdfium2
import pytest

from pipelines.automation import UNFINISHED
from pipelines.deliveries import delivery_automation
from tests.integration.deliveries.conftest import Post, actor, set_active
from warehouse.delivering import question, run_due, run_one
from warehouse.errors import Forbidden
from warehouse.lake.reader import Reader
from warehouse.mail import LARGEST_ATTACHMENT
from warehouse.reports import access
from warehouse.reports.catalogue import find
from warehouse.services.deliveries import (
    DeliveryForm,
    delete_delivery,
    list_deliveries,
    request_run,
    save_delivery,
    switch_delivery,
)
from warehouse.services.delivery_runs import PATIENCE, RunRow, claim, count_due, list_runs
from warehouse.services.listing import ListQuery
from warehouse.settings import Settings

SET_UP = datetime(2019, 5, 8, 12, tzinfo=UTC)  # 20:00 in Shanghai
DUE = datetime(2019, 5, 9, 0, tzinfo=UTC)  # 08:00 in Shanghai
DAY = {"from": "2019-05-08", "to": "2019-05-09"}
MAIL = {"channel": "email", "addresses": "boss@example.com， finance@example.com"}


def form(**more: Any) -> DeliveryForm:
    return DeliveryForm(**{"name": "每日日报", "report": "daily-report", **more})


def set_up(settings: Settings, login: str = "agent", **more: Any) -> int:
    return save_delivery(settings, actor(settings, login), form(**more), now=SET_UP)


def runs(settings: Settings) -> list[RunRow]:
    return list_runs(settings, actor(settings, "root"), ListQuery()).rows


def deliver(settings: Settings, reader: Reader, now: datetime = DUE) -> list[Any]:
    return run_due(settings, now=now, reader=reader)


def expected(settings: Settings, reader: Reader, login: str, report: str = "daily-report", **asked: Any) -> Any:
    return access.run(find(report), reader, settings, actor(settings, login), {**DAY, **asked})


def test_a_mail_at_eight_carries_the_report_of_yesterday_to_the_fen(
    settings: Settings, reader: Reader, post: Post, tmp_path: Path
) -> None:
    set_up(settings, **MAIL)
    assert count_due(settings, DUE - timedelta(seconds=1)) == 0
    assert count_due(settings, DUE) == 1
    (outcome,) = deliver(settings, reader)
    assert outcome.is_done, outcome.sentence
    (mail,) = post.mails
    assert post.recipients == [["boss@example.com", "finance@example.com"]]
    assert mail["Subject"] == "每日日报 2019-05-08"
    assert mail["Message-ID"] == f"<delivery-{outcome.claimed.delivery_id}-20190509T000000@parkcloud.example>"
    (attachment,) = mail.iter_attachments()
    assert attachment.get_filename() == f"每日日报_20190508_{outcome.claimed.delivery_id}-201905090000.xlsx"
    path = tmp_path / "a.xlsx"
    path.write_bytes(attachment.get_payload(decode=True))
    whole = expected(settings, reader, "agent")
    cells = fastexcel.read_excel(path).load_sheet(0, header_row=None, dtypes="string").to_polars().rows()
    headers, *rows, totals = cells
    assert list(headers) == whole.headers
    money = [place for place, column in enumerate(whole.columns) if column.type.value == "money"]
    assert [[Decimal(row[place]) for place in money] for row in rows] == [
        [row[place] for place in money] for row in whole.rows
    ]
    assert [Decimal(totals[place]) for place in money] == [whole.totals[whole.columns[place].key] for place in money]
    text = mail.get_body(("plain",)).get_content()
    assert "期间：2019-05-08" in text
    assert f"合计 实收金额：{whole.totals['received']}" in text
    (run,) = runs(settings)
    assert (run.state, run.row_count, run.due_at, run.attempts) == ("done", whole.row_count, DUE, 1)
    assert run.file_bytes == path.stat().st_size
    assert whole.totals["received"] > 0


def test_a_due_moment_is_delivered_once_however_often_and_by_whomever_it_is_asked_for(
    settings: Settings, reader: Reader, post: Post
) -> None:
    set_up(settings, **MAIL)
    for minutes in (0, 0, 5, 600):
        deliver(settings, reader, DUE + timedelta(minutes=minutes))
    assert len(post.mails) == 1
    deliver(settings, reader, DUE + timedelta(days=1))
    assert len(post.mails) == 2
    assert [run.due_at for run in runs(settings)] == [DUE + timedelta(days=1), DUE]


def test_a_missed_moment_is_caught_up_for_twelve_hours_and_then_written_down_as_missed(
    settings: Settings, reader: Reader, post: Post
) -> None:
    set_up(settings, **MAIL)
    deliver(settings, reader, DUE + timedelta(hours=12))
    (mail,) = post.mails
    assert mail["Subject"] == "每日日报 2019-05-08"  # yesterday of the moment that it was due
    assert deliver(settings, reader, DUE + timedelta(days=1, hours=12, minutes=1)) == []
    assert len(post.mails) == 1
    newest = runs(settings)[0]
    assert (newest.state, newest.due_at) == ("missed", DUE + timedelta(days=1))
    assert "不再补发" in str(newest.message_zh)


def test_what_was_due_before_it_was_set_up_or_while_it_was_off_is_not_caught_up(
    settings: Settings, reader: Reader, post: Post
) -> None:
    delivery = set_up(settings, time_of_day="19:30", **MAIL)
    assert deliver(settings, reader, SET_UP) == []
    me = actor(settings, "agent")
    switch_delivery(settings, me, delivery, False, now=SET_UP)
    assert deliver(settings, reader, SET_UP + timedelta(days=1)) == []
    switch_delivery(settings, me, delivery, True, now=SET_UP + timedelta(days=1, minutes=1))
    assert deliver(settings, reader, SET_UP + timedelta(days=1, hours=1)) == []
    assert len(deliver(settings, reader, SET_UP + timedelta(days=2))) == 1


def test_a_refusing_mail_server_is_tried_again_with_growing_pauses(
    settings: Settings, reader: Reader, post: Post
) -> None:
    set_up(settings, **MAIL)
    post.answers = ["451 later", "451 later"]
    deliver(settings, reader)
    (run,) = runs(settings)
    assert (run.state, run.next_attempt_at) == ("waiting", DUE + timedelta(minutes=5))
    assert "451 later" in str(run.message_en)
    assert deliver(settings, reader, DUE + timedelta(minutes=4)) == []
    second = DUE + timedelta(minutes=5)
    deliver(settings, reader, second)
    assert runs(settings)[0].next_attempt_at == second + timedelta(minutes=15)
    deliver(settings, reader, second + timedelta(minutes=15))
    (run,) = runs(settings)
    assert (run.state, run.attempts, run.message_en) == ("done", 3, None)
    assert len(post.mails) == 1


def test_a_mail_server_that_stays_away_ends_in_a_failure_after_twelve_hours(
    settings: Settings, reader: Reader, post: Post
) -> None:
    closed = settings.model_copy(update={"smtp_port": 1})
    set_up(settings, **MAIL)
    now, attempts = DUE, 0
    while (waiting := deliver(closed, reader, now)) and attempts < 20:
        attempts += 1
        assert not waiting[0].is_done
        now = runs(settings)[0].next_attempt_at or now + timedelta(days=30)
        if runs(settings)[0].state == "failed":
            break
    (run,) = runs(settings)
    assert run.state == "failed"
    assert 4 <= run.attempts <= 10
    assert "127.0.0.1:1" in str(run.message_zh)


def test_an_address_that_is_refused_does_not_keep_the_others(settings: Settings, reader: Reader, post: Post) -> None:
    post.refused = {"boss@example.com"}
    set_up(settings, **MAIL)
    deliver(settings, reader)
    assert post.recipients == [["finance@example.com"]]
    (run,) = runs(settings)
    assert run.state == "done"
    assert "boss@example.com" in str(run.message_zh)


def test_it_runs_with_the_scope_and_the_rights_of_its_owner(settings: Settings, reader: Reader) -> None:
    for login in ("root", "second", "guard"):
        set_up(settings, login, name=login, file_format="csv")
    assert all(outcome.is_done for outcome in deliver(settings, reader))
    found = {}
    for login in ("root", "second", "guard"):
        (path,) = (settings.deliveries_path / login).iterdir()
        found[login] = list(csv.reader(io.StringIO(path.read_bytes().decode("utf-8-sig"))))
        whole = expected(settings, reader, login)
        place = [column.key for column in whole.columns].index("received")
        assert Decimal(found[login][-1][place]) == whole.totals["received"]
    assert {row[1] for row in found["second"][1:-1]} == {"别家停车场"}
    assert {row[1] for row in found["guard"][1:-1]} == {"二号停车场"}
    assert {row[1] for row in found["root"][1:-1]} == {"一号停车场", "二号停车场", "别家停车场"}


def test_a_lot_that_is_no_longer_the_owners_is_refused_in_words_and_not_tried_again(
    settings: Settings, reader: Reader, post: Post
) -> None:
    set_up(settings, "second", parameters={"lot": "LOT1"}, **MAIL)
    (outcome,) = deliver(settings, reader)
    assert not outcome.is_done
    (run,) = runs(settings)
    assert (run.state, run.next_attempt_at) == ("failed", None)
    assert "LOT1" in str(run.message_zh)
    assert post.mails == []


def test_the_deliveries_of_a_disabled_owner_stop_and_say_so(settings: Settings, reader: Reader, post: Post) -> None:
    delivery = set_up(settings, **MAIL)
    set_active(settings, "agent", False)
    assert deliver(settings, reader) == []
    (run,) = runs(settings)
    assert run.state == "stopped"
    assert "已停用" in str(run.message_zh)
    (row,) = list_deliveries(settings, actor(settings, "root"), ListQuery()).rows
    assert (row.delivery_id, row.is_active, row.owner_may_sign_in) == (delivery, False, False)
    set_active(settings, "agent", True)
    assert deliver(settings, reader, DUE + timedelta(days=1)) == []
    assert post.mails == []


def test_a_process_that_died_is_followed_by_another_when_its_time_is_up(
    settings: Settings, reader: Reader, post: Post
) -> None:
    set_up(settings, **MAIL)
    assert claim(settings, DUE) is not None  # and dies
    assert deliver(settings, reader, DUE + PATIENCE - timedelta(seconds=1)) == []
    assert len(deliver(settings, reader, DUE + PATIENCE)) == 1
    assert len(post.mails) == 1
    assert runs(settings)[0].attempts == 2


@pytest.mark.parametrize("kind", ["csv", "xlsx", "pdf"])
def test_a_repeated_attempt_replaces_the_file_in_the_folder(settings: Settings, reader: Reader, kind: str) -> None:
    set_up(settings, "guard", file_format=kind, name=f"日报/{kind}")
    claimed = claim(settings, DUE)
    deliver(settings, reader, DUE + PATIENCE)
    deliver(settings, reader, DUE + PATIENCE)
    assert claimed is not None
    (path,) = (settings.deliveries_path / "guard").glob(f"*{kind}_20190508_*.{kind}")
    assert runs(settings)[0].target == f"deliveries/guard/{path.name}"
    if kind == "pdf":
        with pypdfium2.PdfDocument(path) as document:
            assert "二号停车场" in "".join(document[0].get_textpage().get_text_range().split())


def test_one_of_ones_own_runs_on_request_and_nobody_elses(settings: Settings, reader: Reader, post: Post) -> None:
    delivery = set_up(settings, **MAIL)
    run_id = request_run(settings, actor(settings, "agent"), delivery)
    outcome = run_one(settings, run_id, reader=reader)
    assert outcome is not None
    assert outcome.is_done
    assert run_one(settings, run_id, reader=reader) is None
    for stranger in ("root", "second"):
        with pytest.raises(Forbidden):
            request_run(settings, actor(settings, stranger), delivery)


def test_a_deleted_delivery_sends_nothing_and_keeps_its_history(settings: Settings, reader: Reader, post: Post) -> None:
    delivery = set_up(settings, **MAIL)
    deliver(settings, reader)
    delete_delivery(settings, actor(settings, "root"), delivery)
    assert deliver(settings, reader, DUE + timedelta(days=1)) == []
    assert [run.state for run in runs(settings)] == ["done"]


def test_an_attachment_that_no_mailbox_takes_is_refused_with_a_way_out(
    settings: Settings, reader: Reader, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("warehouse.mail.LARGEST_ATTACHMENT", 100)
    assert LARGEST_ATTACHMENT > 1 << 20
    set_up(settings, **MAIL)
    deliver(settings, reader)
    (run,) = runs(settings)
    assert run.state == "failed"
    assert "文件夹" in str(run.message_zh)


def test_relative_days_are_business_days_of_the_lots(settings: Settings) -> None:
    asked = question(settings, actor(settings, "agent"), find("daily-report"), "last_month", {}, DUE)
    assert (asked["from"], asked["to"]) == ("2019-04-01", "2019-05-01")


@pytest.fixture
def dagster_instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test(temp_dir=str(tmp_path)) as made:
        yield made


def test_the_sensor_starts_the_job_when_something_is_due_and_skips_otherwise(
    settings: Settings, post: Post, dagster_instance: dg.DagsterInstance
) -> None:
    job, sensor = delivery_automation(settings, list(UNFINISHED))
    code = dg.Definitions(jobs=[job], sensors=[sensor])

    def ask() -> object:
        return sensor(dg.build_sensor_context(instance=dagster_instance, definitions=code))

    assert isinstance(ask(), dg.SkipReason)
    # A minute of any day: something that is due right now, whatever the clock says.
    due = datetime.now(UTC) - timedelta(minutes=1)
    local = due + timedelta(hours=8)
    save_delivery(
        settings,
        actor(settings, "agent"),
        form(time_of_day=f"{local:%H:%M}", **MAIL),
        now=due - timedelta(minutes=5),
    )
    assert isinstance(ask(), dg.RunRequest)
    done = code.resolve_job_def("deliver").execute_in_process(instance=dagster_instance)
    assert done.success
    assert len(post.mails) == 1
    assert isinstance(ask(), dg.SkipReason)


def test_a_business_day_report_of_today_is_asked_for_the_day_of_the_due_moment(settings: Settings) -> None:
    asked = question(settings, actor(settings, "agent"), find("daily-report"), "today", {"lot": "LOT1"}, DUE)
    assert date.fromisoformat(asked["to"]) - date.fromisoformat(asked["from"]) == timedelta(days=1)
    assert asked["lot"] == "LOT1"
