"""Uploads over HTTP to a real gateway: signatures, limits, answers."""

from __future__ import annotations

import gzip
import json
import resource
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import msgspec
import pytest
import zstandard

from ingest.gateway.client import GatewayClient
from ingest.gateway.keyring import KEY_SECONDS
from ingest.records import LotContext, decode_batch
from warehouse.errors import ParkError
from warehouse.lake.raw_tables import KINDS
from warehouse.ops.session import ops_session
from warehouse.security.credentials import create_credential, revoke_credential

Entries = Callable[..., list[dict[str, Any]]]
PATH = "/v1/lots/L1/records"


class Sender:
    """Sends requests that are signed rightly unless a test changes something afterwards."""

    def __init__(self, client: GatewayClient, url: str) -> None:
        self.client = client
        self.http = httpx.Client(base_url=url, timeout=30)

    def post(self, body: bytes, *, path: str = PATH, **headers: str) -> httpx.Response:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"content-type": "application/json"} | self.client.signature(body) | given
        return self.http.post(
            path, content=body, headers={name: value.encode("latin-1") for name, value in sent.items() if value}
        )


@pytest.fixture
def sender(served: tuple[Any, str]) -> Iterator[Sender]:
    instance, url = served
    with instance.client(url) as client:
        made = Sender(client, url)
        yield made
        made.http.close()


def batch(records: list[dict[str, Any]]) -> bytes:
    return msgspec.json.encode({"records": records})


def journal_text(instance: Any) -> str:
    """All that is in the journal now, open segments included: what survives a kill."""
    root = instance.settings.journal_path
    return "".join(path.read_text() for path in sorted(root.rglob("*.ndjson")))


def test_an_answered_record_is_in_the_journal_at_once(
    served: tuple[Any, str], sender: Sender, entries: Entries
) -> None:
    answer = sender.client.send([*entries(3, "journal-"), {"kind": "charge", "record_id": "no-money"}])
    assert (answer["accepted"], answer["marked"], answer["rejected"]) == (3, 0, 1)
    assert [(noted["index"], noted["verdict"]) for noted in answer["records"]] == [(3, "rejected")]
    text = journal_text(served[0])
    assert all(f'"journal-{i}"' in text for i in range(3))
    assert '"no-money"' in text


def test_gzip_and_zstd_and_ndjson_are_understood(sender: Sender, entries: Entries) -> None:
    body = batch(entries(5))
    lines = b"\n".join(msgspec.json.encode(record) for record in entries(5))
    assert sender.post(gzip.compress(body), content_encoding="gzip").json()["accepted"] == 5
    assert (
        sender.post(gzip.compress(body[:50]) + gzip.compress(body[50:]), content_encoding="gzip").json()["accepted"]
        == 5
    )
    assert sender.post(zstandard.compress(body), content_encoding="zstd").json()["accepted"] == 5
    assert sender.post(lines, content_type="application/x-ndjson").json()["accepted"] == 5


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"x_park_key": ""}, "missing_signature"),
        ({"x_park_signature": ""}, "missing_signature"),
        ({"x_park_key": "pk_0000000000000000"}, "unknown_key"),
        ({"x_park_key": "x" * 5000}, "unknown_key"),
        ({"x_park_timestamp": "yesterday"}, "bad_timestamp"),
        ({"x_park_timestamp": "9" * 5000}, "bad_timestamp"),
        ({"x_park_timestamp": str(int(time.time()) - 3600)}, "stale_timestamp"),
        ({"x_park_timestamp": str(int(time.time()) + 3600)}, "stale_timestamp"),
        ({"x_park_nonce": "short"}, "bad_nonce"),
        ({"x_park_nonce": "another-nonce-than-was-signed"}, "bad_signature"),
        ({"x_park_signature": "0" * 64}, "bad_signature"),
        ({"x_park_signature": "\xe9"}, "bad_signature"),
    ],
)
def test_a_request_that_does_not_prove_its_sender_is_refused(
    sender: Sender, entries: Entries, change: dict[str, str], code: str
) -> None:
    answer = sender.post(batch(entries(1)), **change)
    assert (answer.status_code, answer.json()["code"]) == (401, code)
    assert answer.json()["zh"]
    assert answer.json()["en"]


def test_a_changed_body_or_path_does_not_fit_the_signature(sender: Sender, entries: Entries) -> None:
    body = batch(entries(1))
    signed = sender.client.signature(body)
    changed = sender.post(body.replace(b"12345", b"54321"), **{k.replace("-", "_"): v for k, v in signed.items()})
    assert changed.json()["code"] == "bad_signature"
    assert sender.post(body, path="/v1/lots/L2/records").json()["code"] == "bad_signature"


def test_a_request_sent_twice_as_it_is_is_a_replay(sender: Sender, entries: Entries) -> None:
    body = batch(entries(1))
    signed = {k.replace("-", "_"): v for k, v in sender.client.signature(body).items()}
    assert sender.post(body, **signed).status_code == 200
    again = sender.post(body, **signed)
    assert (again.status_code, again.json()["code"]) == (401, "replayed_nonce")


def test_the_answer_to_a_wrong_clock_tells_the_right_time(sender: Sender, entries: Entries) -> None:
    answer = sender.post(batch(entries(1)), x_park_timestamp="1000000000")
    assert abs(answer.json()["server_time"] - time.time()) < 10


@pytest.mark.parametrize(("lot", "status", "code"), [("L2", 403, "wrong_lot"), ("nowhere", 404, "unknown_lot")])
def test_a_credential_uploads_only_for_its_own_lot(
    served: tuple[Any, str], entries: Entries, lot: str, status: int, code: str
) -> None:
    instance, url = served
    with GatewayClient(url, lot, *instance.keys["L1"]) as client:
        body = batch(entries(1))
        answer = httpx.post(
            f"{url}/v1/lots/{lot}/records",
            content=body,
            headers={"content-type": "application/json"} | client.signature(body),
        )
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_revoked_credential_ends_within_seconds(served: tuple[Any, str], entries: Entries) -> None:
    instance, url = served
    with ops_session(instance.settings) as session:
        key = create_credential(session, instance.settings, 1)
    with GatewayClient(url, "L1", *key) as client:
        assert client.send(entries(1))["accepted"] == 1
        with ops_session(instance.settings) as session:
            revoke_credential(session, key[0])
        time.sleep(KEY_SECONDS + 0.5)
        with pytest.raises(ParkError) as refused:
            client.send(entries(1))
    assert refused.value.code == "unknown_key"


def test_bodies_over_the_limit_are_refused_however_they_are_packed(sender: Sender) -> None:
    bomb = b"0" * (200 * 1024 * 1024)
    for body, encoding in (
        (bomb[: 17 * 1024 * 1024], ""),
        (gzip.compress(bomb, 9), "gzip"),
        (zstandard.ZstdCompressor(level=19).compress(bomb), "zstd"),
    ):
        answer = sender.post(body, content_encoding=encoding)
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


def test_a_body_in_chunks_is_limited_too(sender: Sender) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(20):
            yield b" " * (1024 * 1024)

    answer = sender.http.post(PATH, content=chunks(), headers=sender.client.signature(b""))
    assert answer.status_code == 413


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_body_cut_short_is_refused_cleanly(sender: Sender, entries: Entries, encoding: str) -> None:
    body = batch(entries(50))
    packed = gzip.compress(body) if encoding == "gzip" else zstandard.compress(body)
    for damaged in (packed[:-3], packed[: len(packed) // 2], packed[:1], b"", b"nonsense" * 10):
        answer = sender.post(damaged, content_encoding=encoding)
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_compression")


def test_unknown_encodings_and_media_types_are_refused(sender: Sender, entries: Entries) -> None:
    assert sender.post(b"x", content_encoding="br").status_code == 415
    assert sender.post(batch(entries(1)), content_type="text/html").status_code == 415
    assert sender.post(batch(entries(1)), content_type="").status_code == 415


def test_more_than_ten_thousand_records_are_refused_and_ten_thousand_are_not(sender: Sender, entries: Entries) -> None:
    assert sender.post(batch(entries(10_001))).status_code == 413
    assert sender.post(batch(entries(10_000))).json()["accepted"] == 10_000


def test_other_addresses_and_methods_get_a_clear_answer(served: tuple[Any, str]) -> None:
    _, url = served
    missing = httpx.get(f"{url}/nowhere")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
    method = httpx.get(f"{url}{PATH}")
    assert (method.status_code, method.json()["code"]) == (405, "method_not_allowed")


def test_health_and_metrics_tell_what_happened(sender: Sender, entries: Entries) -> None:
    before = metrics(sender)
    sender.client.send([*entries(7, "counted-"), {"kind": "made-up", "record_id": "x"}])
    after = metrics(sender)
    accepted = 'park_gateway_records_total{kind="entry",verdict="accepted"}'
    unknown = 'park_gateway_records_total{kind="unknown",verdict="rejected"}'
    assert after[accepted] - before.get(accepted, 0) == 7
    assert after[unknown] - before.get(unknown, 0) == 1
    assert after["park_journal_fsync_seconds_count"] > before.get("park_journal_fsync_seconds_count", 0)
    assert "park_journal_backlog_segments" in after
    health = sender.http.get("/health")
    assert (health.status_code, health.json()["state"]) == (200, "ok")


def metrics(sender: Sender) -> dict[str, float]:
    lines = sender.http.get("/metrics").text.splitlines()
    return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in lines if not line.startswith("#")}


def test_the_published_document_describes_every_kind_and_its_example_is_accepted(sender: Sender) -> None:
    document = sender.http.get("/v1/openapi.json").json()
    schemas = document["components"]["schemas"]
    assert set(KINDS) <= set(schemas)
    assert {one["$ref"].rsplit("/", 1)[1] for one in schemas["Record"]["oneOf"]} == set(KINDS)
    upload = document["paths"]["/v1/lots/{lot_code}/records"]["post"]
    assert {"200", "400", "401", "403", "404", "413", "415", "429", "503"} <= set(upload["responses"])
    example = upload["requestBody"]["content"]["application/json"]["example"]
    answer = sender.post(json.dumps(example).encode()).json()
    assert (answer["accepted"], answer["records"]) == (2, [])


def test_every_reference_of_the_document_leads_somewhere(sender: Sender) -> None:
    document = sender.http.get("/v1/openapi.json").json()
    found: list[str] = []

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            found.extend([node["$ref"]] if isinstance(node.get("$ref"), str) else [])
            for child in node.values():
                walk(child)
        elif isinstance(node, list):
            for child in node:
                walk(child)

    walk(document)
    assert found
    for reference in found:
        assert reference.removeprefix("#/components/schemas/") in document["components"]["schemas"]


def test_a_lot_that_sends_too_fast_is_told_when_to_come_again(
    instance_maker: Callable[..., Any], entries: Entries
) -> None:
    instance = instance_maker(gateway_records_per_minute=600)
    with instance.gateway() as url, instance.client(url, attempts=1) as client, instance.client(url, "L2") as other:
        assert client.send(entries(610))["accepted"] == 610
        body = batch(entries(1))
        answer = httpx.post(
            url + PATH, content=body, headers={"content-type": "application/json"} | client.signature(body)
        )
        assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
        assert 1 <= int(answer.headers["retry-after"]) <= 3
        assert other.send(entries(1))["accepted"] == 1
        time.sleep(int(answer.headers["retry-after"]))
        assert client.send(entries(1))["accepted"] == 1


def test_when_the_disk_takes_nothing_no_record_is_acknowledged_and_nothing_before_is_lost(
    instance_maker: Callable[..., Any], entries: Entries
) -> None:
    instance = instance_maker(journal_segment_seconds=60)
    limit = 100_000

    def no_large_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    with instance.gateway(prepare=no_large_files) as url, instance.client(url, attempts=1) as client:
        assert client.send(entries(20, "before-"))["accepted"] == 20
        with pytest.raises(ParkError) as refused:
            client.send(entries(1000, "too-much-"))
        assert refused.value.code == "journal_unavailable"
        assert client.send(entries(20, "after-"))["accepted"] == 20
        assert httpx.get(f"{url}/health").status_code == 200
    lines = journal_text(instance).splitlines()
    ids = {json.loads(line)["record_id"] for line in lines}
    assert ids == {f"before-{i}" for i in range(20)} | {f"after-{i}" for i in range(20)}


def test_concurrent_uploads_share_the_fsync_and_all_arrive(
    instance_maker: Callable[..., Any], entries: Entries
) -> None:
    instance = instance_maker(journal_segment_seconds=60)
    answers: list[int] = []
    with instance.gateway() as url:

        def upload(number: int) -> None:
            with instance.client(url) as client:
                answers.extend(client.send(entries(5, f"t{number}-{turn}-"))["accepted"] for turn in range(10))

        threads = [threading.Thread(target=upload, args=(number,)) for number in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        text = httpx.get(f"{url}/metrics").text
    assert answers == [5] * 160
    fsyncs = next(float(line.split()[1]) for line in text.splitlines() if "fsync_seconds_count" in line)
    assert 0 < fsyncs < 160
    ids = [json.loads(line)["record_id"] for line in journal_text(instance).splitlines()]
    assert len(ids) == len(set(ids)) == 800


def test_a_client_sends_again_until_the_gateway_is_back(instance_maker: Callable[..., Any], entries: Entries) -> None:
    instance = instance_maker()
    with instance.gateway() as url:
        port = int(url.rsplit(":", 1)[1])
    answer: list[dict[str, Any]] = []
    with instance.client(url, attempts=10) as client:
        waiting = threading.Thread(target=lambda: answer.append(client.send(entries(3))))
        waiting.start()
        time.sleep(0.5)
        with instance.gateway(port=port):
            waiting.join(60)
    assert answer[0]["accepted"] == 3


def test_the_contract_alone_gives_the_same_verdicts_as_the_gateway(sender: Sender, entries: Entries) -> None:
    from datetime import UTC, datetime

    records = [*entries(2), {"kind": "exit"}, {"kind": "entry", "record_id": "p", "occurred_at": "2026-01-01"}]
    alone = decode_batch(batch(records), "application/json", LotContext(1, "L1", "Asia/Shanghai", 0), datetime.now(UTC))
    answer = sender.client.send(records)
    assert [(v.index, v.verdict, v.code) for v in alone.verdicts if v.verdict != "accepted"] == [
        (noted["index"], noted["verdict"], noted["code"]) for noted in answer["records"]
    ]
