"""Malformed input over HTTP: every body gets a verdict per record or a clean refusal, and good records beside it stay.

PARK_FUZZ_INPUTS sets the number of inputs; 10,000 by hand, fewer in the usual run.
"""

from __future__ import annotations

import gzip
import json
import os
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx
import msgspec

from ingest.lander import Lander

Entries = Callable[..., list[dict[str, Any]]]
INPUTS = int(os.environ.get("PARK_FUZZ_INPUTS", "400"))

FIELDS = [
    "kind", "record_id", "revision", "op", "occurred_at", "lot_clock", "mode", "plate", "plate_color", "vehicle_class",
    "entered_at", "receivable", "received", "discount", "method", "payments", "device_id", "state", "free_spaces",
    "area_id", "alarm_id", "event", "linked_kind", "size_bytes", "url", "pending_records", "is_virtual",
    "vehicle_classes", "amount", "valid_to",
]  # fmt: skip
KINDS = ["entry", "exit", "charge", "refund", "alarm", "device_state", "free_space_count", "snapshot", "heartbeat", ""]
VALUES: list[bytes] = [
    b"null", b"true", b"-1", b"0", b"1e400", b"-1e400", b"1" * 400, b"-" + b"9" * 5000, b"0.1" + b"0" * 300, b"NaN",
    b"Infinity", b"[]", b"{}", b"[" * 3000, b"[" * 2000 + b"]" * 2000, b'{"a":' * 500 + b"1" + b"}" * 500, b'""',
    b'" "', b'"\\u0000"', b'"\\ud800"', b'"\xff\xfe"', b'"\xed\xa0\x80"', b'"\\x"', b'"unclosed',
    b'"1970-01-01T00:00:00"',
    b'"0000-00-00T00:00:00Z"', b'"9999-12-31T23:59:59+00:00"', b'"2026-02-30T12:00:00Z"', b'"2026-05-01T25:61:61Z"',
    b'"2026-05-01T12:00:00+99:99"', b'"99999-05-01T12:00:00Z"', b"20260501120000", b"1777593600", b'"12.345"',
    b'"1,000"',
    b'"-0.00"', b'"1e3"', b'"999999999999999999"', b'"' + "粤".encode() * 3000 + b'"', b'"\xe7\xb2\xa4B12345"',
    '"🚗"'.encode(), b'"\\ud83d\\ude97"', b'"upsert"', b'"void"', b'"cash"', b'"delete"', b"2147483648", b"-2147483649",
    b"9223372036854775808", b'[{"method":"cash","amount":"1"}]', b'[{"method":1}]', b"[null]", b'["small","\\u0000"]',
]  # fmt: skip
SOUND = '{"kind":"entry","record_id":"sound","occurred_at":"2026-05-01T12:00:00Z","plate":"粤B12345"}'.encode()


def fuzzed_record(chance: random.Random) -> bytes:
    """One record that is somehow wrong: its fields, its bytes, or its shape."""
    style = chance.random()
    if style < 0.6:
        fields = dict.fromkeys(chance.sample(FIELDS, chance.randint(0, 6)), b"")
        parts = [b'"%s":%s' % (name.encode(), chance.choice(VALUES)) for name in fields]
        if chance.random() < 0.8:
            parts += [b'"kind":"%s"' % chance.choice(KINDS).encode(), b'"record_id":"f%d"' % chance.randrange(10**9)]
            parts += [b'"occurred_at":"2026-05-01T12:00:00Z"'] * (chance.random() < 0.7)
        chance.shuffle(parts)
        return b"{" + b",".join(parts) + b"}"
    if style < 0.9:
        changed = bytearray(SOUND)
        for _ in range(chance.randint(1, 8)):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        return bytes(changed)
    return chance.choice(VALUES)


def fuzzed_request(chance: random.Random, good: list[bytes]) -> tuple[bytes, dict[str, str], bool]:
    """A body, its headers, and whether the good records in it must be kept."""
    number = chance.randint(1, 3)
    bad = [fuzzed_record(chance) for _ in range(number)]
    style = chance.random()
    if style < 0.55:
        lines = [*good, *(line.replace(b"\n", b" ") for line in bad)]
        chance.shuffle(lines)
        return b"\n".join(lines), {"content-type": "application/x-ndjson"}, True
    body = b'{"records":[' + b",".join([*good, *bad]) + b"]}"
    if style < 0.8:
        return body, {"content-type": "application/json"}, False
    if style < 0.9:
        packed = gzip.compress(body)
        cut = chance.randrange(len(packed))
        return packed[:cut], {"content-type": "application/json", "content-encoding": "gzip"}, False
    if style < 0.95:
        return body[: chance.randrange(len(body))], {"content-type": "application/json"}, False
    return chance.randbytes(chance.randrange(2000)), {"content-type": "application/json"}, False


def test_no_malformed_input_breaks_the_gateway_and_good_records_beside_it_are_kept(
    instance: Any, entries: Entries
) -> None:
    seed = random.randrange(10**6)
    chance = random.Random(seed)
    statuses: Counter[int] = Counter()
    verdicts: Counter[str] = Counter()
    kept: set[str] = set()
    with instance.gateway() as url, instance.client(url) as client, httpx.Client(base_url=url, timeout=60) as http:
        for number in range(INPUTS):
            records = entries(2, f"good-{number}-")
            body, headers, must_keep = fuzzed_request(chance, [msgspec.json.encode(record) for record in records])
            answer = http.post("/v1/lots/L1/records", content=body, headers=headers | client.signature(body))
            statuses[answer.status_code] += 1
            assert answer.status_code < 500, (seed, number, body[:500], answer.text)
            content = answer.json()
            if answer.status_code != 200:
                assert answer.status_code in (400, 413, 415), (seed, number, body[:500])
                assert content["code"]
                assert content["zh"]
                assert content["en"]
                assert not must_keep, (seed, number, body[:500], content)
                continue
            noted = content["records"]
            assert content["marked"] + content["rejected"] == len(noted)
            verdicts.update(accepted=content["accepted"], marked=content["marked"], rejected=content["rejected"])
            for verdict in noted:
                if verdict["verdict"] == "rejected":
                    assert verdict["code"], (seed, number)
                    assert verdict["reason_zh"], (seed, number)
                    assert verdict["reason_en"], (seed, number)
            refused = {verdict["record_id"] for verdict in noted}
            good = {record["record_id"] for record in records}
            if must_keep:
                assert not good & refused, (seed, number, body[:500], noted)
                kept |= good
        plate = "粤" * 1_000_000
        huge = [*entries(1, "beside-huge-"), {**entries(1, "huge-")[0], "plate": plate}]
        answer_to_huge = client.send(huge)
        assert (answer_to_huge["accepted"], answer_to_huge["rejected"]) == (1, 1)
        kept.add("beside-huge-0")
    lander = Lander(instance.settings)
    summary = lander.drain()
    lander.close()
    print(json.dumps({"seed": seed, "inputs": INPUTS, "statuses": statuses, "verdicts": verdicts, "kept": len(kept)}))
    assert (summary.error, summary.set_aside, summary.damaged, summary.waiting) == (None, [], 0, 0), f"seed {seed}"
    assert kept <= set(instance.record_ids()), f"seed {seed}"
    with instance.lake() as lake:
        row = lake.execute("SELECT sum(source_rows), sum(accepted + marked + rejected) FROM lake.raw.batch").fetchone()
    assert row is not None
    assert row[0] == row[1] == sum(verdicts.values()) + 2
