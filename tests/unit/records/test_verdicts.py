"""Which verdict a record gets, and what the journal keeps of it."""

from __future__ import annotations

import json

import pytest

from ingest.records import BatchError, rules
from ingest.records.kinds import STRUCTS


def test_a_verdict_names_the_record_and_the_reason_in_both_languages(judge) -> None:
    verdict, line = judge("alarm", alarm_id="A1")
    assert (verdict.index, verdict.kind, verdict.record_id, verdict.verdict) == (0, "alarm", "r1", "rejected")
    assert (verdict.code, verdict.reason_zh) == ("missing_field", "缺少必填字段 event。")
    assert verdict.reason_en == "Required field event is missing."
    assert (line["kind"], line["rejected_kind"], line["record_id"], line["lot_id"]) == ("rejected", "alarm", "r1", 7)
    assert json.loads(line["payload"])["alarm_id"] == "A1"


def test_a_marked_record_says_why(judge) -> None:
    verdict, line = judge("exit", plate="无", vehicle_class="ufo", entered_at="2026-05-01T09:00:00")
    assert verdict.verdict == "marked"
    assert verdict.marks == ["negative_stay", "no_plate", "unknown_code"]
    assert line["marks"] == "negative_stay,no_plate,unknown_code"
    assert "entry time is later" in (verdict.reason_en or "")
    assert "没有可读的车牌" in (verdict.reason_zh or "")


@pytest.mark.parametrize("kind", [*STRUCTS])
def test_a_void_needs_only_its_key_and_time(kind: str, judge) -> None:
    verdict, line = judge(kind, op="void", revision=3)
    assert verdict.verdict == "accepted"
    assert (line["op"], line["revision"]) == ("void", 3)


def test_a_void_drops_the_fields_of_its_kind_whatever_they_are(judge) -> None:
    for amount in ("12.50", "nonsense", -1):
        verdict, line = judge("charge", op="VOID", received=amount, plate="?")
        assert (verdict.verdict, line["received"], line["plate"], line["op"]) == ("accepted", None, None, "void")


def test_an_unknown_operation_is_refused(judge) -> None:
    assert judge("entry", op="merge")[0].code == "unknown_op"


@pytest.mark.parametrize("kind", ["Entry", "exits", "", 5, ["entry"], "x" * 1000])
def test_an_unknown_kind_is_refused(judge, kind: object) -> None:
    assert judge(kind)[0].code == "unknown_kind"


def test_a_record_without_a_kind_id_or_time_is_refused(judge_raw) -> None:
    verdicts, _ = judge_raw(
        b'{"records":[{"record_id":"1","occurred_at":"2026-05-01T08:00:00"},'
        b'{"kind":"heartbeat","occurred_at":"2026-05-01T08:00:00"},{"kind":"heartbeat","record_id":"1"},'
        b'{"kind":"heartbeat","record_id":" null ","occurred_at":"2026-05-01T08:00:00"},'
        b'{"kind":"heartbeat","record_id":"\\u0000","occurred_at":"2026-05-01T08:00:00"}]}'
    )
    assert [(verdict.code, (verdict.reason_en or "").split()[2]) for verdict in verdicts] == [
        ("missing_field", "kind"),
        ("missing_field", "record_id"),
        ("missing_field", "occurred_at"),
        ("missing_field", "record_id"),
        ("missing_field", "record_id"),
    ]


def test_texts_that_mean_missing_are_missing_and_blanks_are_trimmed(judge) -> None:
    _, line = judge("entry", plate="浙A12345", remark=" null ", owner_name="\u3000王芳 ", gate_id="")
    assert (line["remark"], line["owner_name"], line["gate_id"]) == (None, "王芳", None)


def test_numbers_sent_as_text_and_text_sent_as_numbers_are_accepted(judge) -> None:
    verdict, line = judge("free_space_count", record_id=12345, free_spaces=" 18 ", total_spaces=40.0, revision="2")
    assert verdict.verdict == "accepted"
    assert (line["record_id"], line["free_spaces"], line["total_spaces"], line["revision"]) == ("12345", 18, 40, 2)


@pytest.mark.parametrize(("sent", "kept"), [(True, True), ("是", True), (0, False), ("no", False), ("null", None)])
def test_yes_and_no_are_read_in_their_usual_forms(judge, sent: object, kept: bool | None) -> None:
    fields = {"device_id": "1", "device_type": "camera", "state": "online"}
    assert judge("device_state", **fields, is_virtual=sent)[1]["is_virtual"] is kept


@pytest.mark.parametrize(
    ("kind", "values", "code"),
    [
        ("free_space_count", {"free_spaces": 2**31}, "out_of_range"),
        ("free_space_count", {"free_spaces": -(2**31) - 1}, "out_of_range"),
        ("free_space_count", {"free_spaces": "9" * 30}, "wrong_type"),
        ("free_space_count", {"free_spaces": 10**25}, "out_of_range"),
        ("free_space_count", {"free_spaces": 1.5}, "wrong_type"),
        ("free_space_count", {"free_spaces": True}, "wrong_type"),
        ("heartbeat", {"pending_records": 2**63}, "out_of_range"),
        ("heartbeat", {"revision": -1}, "out_of_range"),
        ("heartbeat", {"revision": 2**31}, "out_of_range"),
        ("heartbeat", {"software_version": {"major": 5}}, "wrong_type"),
        ("heartbeat", {"record_id": True}, "wrong_type"),
        ("heartbeat", {"record_id": "x" * 129}, "too_long"),
        ("entry", {"remark": "x" * 501}, "too_long"),
        ("entry", {"gate_id": "x" * 65}, "too_long"),
        ("entry", {"plate": "x" * 1_000_000}, "too_long"),
        ("device_state", {"device_id": "1", "device_type": "robot", "state": "online"}, "unknown_code"),
        ("device_state", {"device_id": "1", "device_type": "camera", "state": "asleep"}, "unknown_code"),
        (
            "device_state",
            {"device_id": "1", "device_type": "camera", "state": "online", "is_virtual": "maybe"},
            "wrong_type",
        ),
        ("snapshot", {"linked_kind": "photo", "linked_record_id": "1"}, "unknown_code"),
    ],
)
def test_a_value_outside_its_rule_is_refused(judge, kind: str, values: dict[str, object], code: str) -> None:
    verdict, line = judge(kind, **values)
    assert (verdict.verdict, verdict.code) == ("rejected", code)
    assert len(json.dumps(line)) < rules.MAX_REJECTED_PAYLOAD_BYTES * 2


def test_a_huge_record_is_kept_only_in_part(judge) -> None:
    _, line = judge("entry", plate="浙" * 1_000_000)
    assert len(line["payload"].encode()) <= rules.MAX_REJECTED_PAYLOAD_BYTES


def test_lengths_at_the_limit_are_accepted(judge) -> None:
    assert judge("entry", plate="浙A12345", record_id="x" * 128, remark="注" * 500)[0].verdict == "accepted"


@pytest.mark.parametrize(
    ("field", "sent", "kept"),
    [
        ("vehicle_class", "spaceship", "other"),
        ("plate_color", "pink", "other"),
        ("charge_class", "7", "other"),
        ("release_mode", "99", "other"),
        ("vehicle_class", 3, "other"),
    ],
)
def test_an_unknown_code_becomes_other(judge, field: str, sent: object, kept: str) -> None:
    verdict, line = judge("exit", plate="浙A12345", **{field: sent})
    assert (verdict.marks, line[field]) == (["unknown_code"], kept)


def test_an_unknown_code_of_a_set_without_other_is_left_out(judge) -> None:
    verdict, line = judge("gate_opening", opening_mode="kicked")
    assert (verdict.marks, line["opening_mode"]) == (["unknown_code"], None)
    verdict, line = judge("heartbeat", mode="dreaming")
    assert (verdict.marks, line["mode"]) == (["unknown_code"], "live")


def test_codes_are_accepted_in_any_case(judge) -> None:
    verdict, line = judge("entry", plate="浙A12345", vehicle_class=" Long_Term ")
    assert (verdict.verdict, line["vehicle_class"]) == ("accepted", "long_term")


def test_vehicle_classes_of_a_device_keep_the_lots_order(judge) -> None:
    fields = {"device_id": "1", "device_type": "camera", "state": "online"}
    line = judge("device_state", **fields, vehicle_classes=["long_term", "temporary", "long_term"])[1]
    assert line["vehicle_classes"] == "long_term,temporary"
    assert judge("device_state", **fields, vehicle_classes="free, season")[1]["vehicle_classes"] == "free,season"
    verdict, line = judge("device_state", **fields, vehicle_classes="free,牛车")
    assert (verdict.marks, line["vehicle_classes"]) == (["unknown_code"], "free,other")
    assert judge("device_state", **fields, vehicle_classes=[])[1]["vehicle_classes"] is None


@pytest.mark.parametrize(("free", "total"), [(11, 10), (-1, 10), (0, -5)])
def test_an_impossible_free_count_is_marked(judge, free: int, total: int) -> None:
    verdict, line = judge("free_space_count", free_spaces=free, total_spaces=total)
    assert (verdict.marks, line["free_spaces"]) == (["impossible_count"], free)


def test_a_validity_that_ends_before_it_starts_is_marked(judge) -> None:
    verdict, _ = judge("renewal", amount=0, valid_from="2026-06-01T00:00:00", valid_to="2026-05-01T00:00:00")
    assert verdict.marks == ["reversed_period"]


def test_control_characters_are_removed_and_marked_and_nothing_breaks_a_line(judge_raw) -> None:
    (verdict,), lines = judge_raw(
        b'{"records":[{"kind":"entry","record_id":"1","occurred_at":"2026-05-01T08:00:00",'
        b'"plate":"\\u6d59A\\u000012345","remark":"a\\u0000b\\nc"}]}'
    )
    assert verdict.marks == ["cleaned_text"]
    assert (lines[0]["plate"], lines[0]["remark"], len(lines)) == ("浙A12345", "ab\nc", 1)


def test_half_of_a_surrogate_pair_is_refused_and_whole_ones_are_kept(judge_raw) -> None:
    start = b'{"kind":"entry","record_id":"1","occurred_at":"2026-05-01T08:00:00","plate":"\\u6d59A12345","remark":'
    verdicts, lines = judge_raw(b'{"records":[' + start + b'"\\ud83d"},' + start + b'"\\ud83d\\ude00"}]}')
    assert [verdict.verdict for verdict in verdicts] == ["rejected", "accepted"]
    assert "surrogate" in (verdicts[0].reason_en or "")
    assert lines[1]["remark"] == "😀"


def test_fields_that_the_contract_does_not_know_stay_in_the_payload(judge) -> None:
    verdict, line = judge("entry", plate="浙A12345", lot_id=99, payload="mine", marks="mine", wheels=4)
    assert verdict.verdict == "accepted"
    assert (line["lot_id"], line["marks"], "wheels" in line) == (7, None, False)
    assert json.loads(line["payload"])["wheels"] == 4


def test_one_bad_record_never_stops_its_batch(judge_raw) -> None:
    good = '{"kind":"entry","record_id":"%d", "occurred_at":"2026-05-01T08:00:00","plate":"浙A12345" }'
    bad = [b"{", b'"x"', b"null", b'{"a":NaN}', b'{"a":1,}', b"[1,2]", b'{"kind":"entry"', b'{"a":"\xff"}', b"[" * 5000]
    pieces = [piece for number, line in enumerate(bad) for piece in ((good % number).encode(), line)]
    verdicts, lines = judge_raw(b"\r\n".join(pieces) + b"\n\n", "application/x-ndjson")
    assert [verdict.verdict for verdict in verdicts] == ["accepted", "rejected"] * len(bad)
    assert [line["payload"] for line in lines[::2]] == [good % number for number in range(len(bad))]
    assert [verdict.index for verdict in verdicts] == list(range(2 * len(bad)))


def test_a_malformed_record_inside_an_envelope_is_cut_out(judge_raw) -> None:
    good = b'{"kind":"heartbeat","record_id":"1","occurred_at":"2026-05-01T08:00:00","note":"a,]}\\""}'
    bad = [
        b'{"a":NaN}',
        b'{"a":01}',
        b'{"a":1,}',
        b'{"a":"\xff"}',
        b'{"a":"\\ud800"}',
        b'{"a":' + b"[" * 3000 + b"]" * 3000 + b"}",
    ]
    body = b'{ "records" : [' + b" ,\n".join(piece for item in bad for piece in (good, item)) + b"] }"
    verdicts, lines = judge_raw(body)
    assert [verdict.verdict for verdict in verdicts] == ["accepted", "rejected"] * len(bad)
    assert {line["payload"].strip() for line in lines[::2]} == {good.decode()}


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        (b"", "application/json", 400, "bad_json"),
        (b'{"records":[{"a":1}', "application/json", 400, "bad_json"),
        (b'{"records":[{"a":1]}]}', "application/json", 400, "bad_json"),
        (b'{"records":[{"a":"x}]}', "application/json", 400, "bad_json"),
        (b'{"records":[]}x', "application/json", 400, "bad_json"),
        (b"[]", "application/json", 400, "bad_envelope"),
        (b"{}", "application/json", 400, "bad_envelope"),
        (b'{"records":null}', "application/json", 400, "bad_envelope"),
        (b"[" * 100_000, "application/json", 400, "bad_envelope"),
        (b'{"records":[' + b"[" * 100_000, "application/json", 400, "bad_json"),
        (b"a,b", "text/csv", 415, "unsupported_media_type"),
        (b"", "", 415, "unsupported_media_type"),
        (b"{}", "application/json; charset=gbk", 415, "unsupported_charset"),
        (b"1\n" * 10_001, "application/x-ndjson", 413, "too_many_records"),
        (b'{"records":[' + b"1," * 10_000 + b"1]}", "application/json", 413, "too_many_records"),
    ],
)
def test_a_body_that_is_no_batch_is_refused_whole(
    judge_raw, body: bytes, content_type: str, status: int, code: str
) -> None:
    with pytest.raises(BatchError) as refused:
        judge_raw(body, content_type)
    assert (refused.value.status, refused.value.code) == (status, code)
    assert refused.value.zh != refused.value.en


def test_an_empty_batch_is_a_batch(judge_raw) -> None:
    assert judge_raw(b'{"records":[]}') == ([], [])
    assert judge_raw(b"\n \n", "application/x-ndjson; charset=utf-8") == ([], [])


def test_a_byte_order_mark_is_no_part_of_the_body(judge_raw) -> None:
    assert judge_raw(b'\xef\xbb\xbf{"records":[]}') == ([], [])
