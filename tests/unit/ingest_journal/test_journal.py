"""Journal segments: durable appends, sealing, torn tails, several writers."""

from __future__ import annotations

import asyncio
import errno
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.gateway.group_commit import JournalWriter
from ingest.journal import Journal, SegmentWriter, read_lines
from warehouse.errors import ParkError


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal")


def test_a_sealed_segment_holds_the_appended_lines_in_order(journal: Journal) -> None:
    writer = SegmentWriter(journal)
    writer.append([b"one\n", b"two\nthree\n"])
    writer.append([b"four\n"])
    assert journal.sealed_segments() == []
    writer.seal()
    (path,) = journal.sealed_segments()
    assert list(read_lines(path)) == [b"one", b"two", b"three", b"four"]
    assert list(journal.open.iterdir()) == []


def test_sealing_without_an_append_leaves_nothing(journal: Journal) -> None:
    writer = SegmentWriter(journal)
    writer.seal()
    assert journal.sealed_segments() == []


def test_segments_order_by_the_time_they_were_begun(journal: Journal) -> None:
    first, second = SegmentWriter(journal), SegmentWriter(journal)
    first.append([b"1\n"])
    second.append([b"2\n"])
    second.seal()
    first.seal()
    assert [path.read_bytes() for path in journal.sealed_segments()] == [b"1\n", b"2\n"]


@settings(max_examples=40, deadline=None)
@given(
    lines=st.lists(st.binary(max_size=200).map(lambda b: b.replace(b"\n", b"")), max_size=6), torn=st.binary(min_size=1)
)
def test_a_dead_writers_segment_keeps_its_whole_lines_and_loses_the_torn_one(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], torn: bytes
) -> None:
    journal = Journal(tmp_path_factory.mktemp("journal"))
    dead = journal.open / "00000000000000000001-1-00000000.ndjson"
    dead.write_bytes(b"".join(line + b"\n" for line in lines) + torn.replace(b"\n", b""))
    journal.seal_orphans()
    sealed = journal.sealed_segments()
    assert [line for path in sealed for line in read_lines(path)] == lines
    assert all(path.read_bytes().endswith(b"\n") for path in sealed)
    assert not dead.exists()


def test_the_torn_tail_may_be_longer_than_one_block(journal: Journal) -> None:
    dead = journal.open / "00000000000000000001-1-00000000.ndjson"
    dead.write_bytes(b"whole\n" + b"\0" * 300_000)
    (sealed,) = journal.seal_orphans()
    assert sealed.read_bytes() == b"whole\n"


def test_a_living_writers_segment_is_no_orphan_even_of_another_process(journal: Journal) -> None:
    code = (
        "import sys; from pathlib import Path; from ingest.journal import *\n"
        f"w = SegmentWriter(Journal(Path({str(journal.root)!r}))); w.append([b'living\\n'])\n"
        "print('ready', flush=True); sys.stdin.read()"
    )
    root = str(Path(__file__).parents[3])
    living = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": root},
    )
    try:
        assert living.stdout is not None
        assert living.stdout.readline() == b"ready\n"
        assert journal.seal_orphans() == []
    finally:
        living.kill()
        living.wait()
    assert [path.read_bytes() for path in journal.seal_orphans()] == [b"living\n"]


def test_a_failed_write_costs_only_itself(journal: Journal) -> None:
    writer = SegmentWriter(journal)
    writer.append([b"before\n"])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OSError) as failed:
            writer.append([b"x" * 5000 + b"\n"])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert failed.value.errno == errno.EFBIG
    writer.append([b"after\n"])
    writer.seal()
    assert [path.read_bytes() for path in journal.sealed_segments()] == [b"before\n", b"after\n"]


def test_an_appended_line_is_on_disk_when_append_returns_and_seals_by_age(journal: Journal) -> None:
    async def run() -> None:
        writer = JournalWriter(journal, segment_seconds=0.05, segment_bytes=10**9)
        await writer.start()
        await asyncio.gather(*(writer.append(b"%d\n" % number) for number in range(50)))
        on_disk = b"".join(path.read_bytes() for path in journal.root.rglob("*.ndjson"))
        assert sorted(on_disk.split()) == sorted(b"%d" % number for number in range(50))
        await asyncio.sleep(0.5)
        assert len(journal.sealed_segments()) >= 1
        assert list(journal.open.iterdir()) == []
        await writer.close()

    asyncio.run(run())


def test_a_segment_is_sealed_when_it_is_large_enough(journal: Journal) -> None:
    async def run() -> None:
        writer = JournalWriter(journal, segment_seconds=3600, segment_bytes=100)
        await writer.start()
        for _ in range(5):
            await writer.append(b"x" * 99 + b"\n")
        await writer.close()

    asyncio.run(run())
    assert [path.stat().st_size for path in journal.sealed_segments()] == [100] * 5


def test_a_closed_journal_acknowledges_nothing(journal: Journal) -> None:
    async def run() -> None:
        writer = JournalWriter(journal, segment_seconds=1, segment_bytes=100)
        with pytest.raises(ParkError):
            await writer.append(b"x\n")
        await writer.start()
        await writer.close()
        with pytest.raises(ParkError):
            await writer.append(b"x\n")

    asyncio.run(run())
    assert journal.sealed_segments() == []


def test_the_backlog_counts_what_waits(journal: Journal) -> None:
    writer = SegmentWriter(journal)
    for _ in range(2):
        writer.append([b"12345\n"])
        writer.seal()
    backlog = journal.backlog()
    assert (backlog.segments, backlog.bytes, backlog.failed_segments) == (2, 12, 0)
    journal.set_aside(journal.sealed_segments()[0], "a reason")
    assert journal.backlog().failed_segments == 1
    assert [path.read_text() for path in journal.failed.glob("*.txt")] == ["a reason\n"]
    journal.retry_failed()
    assert (journal.backlog().segments, journal.backlog().failed_segments) == (2, 0)


def test_archiving_again_after_a_crash_gives_the_same(journal: Journal) -> None:
    writer = SegmentWriter(journal)
    writer.append([b"line\n"])
    writer.seal()
    (path,) = journal.sealed_segments()
    journal.archive(path)
    path.write_bytes(b"line\n")
    journal.archive(path)
    assert len(list(journal.landed.iterdir())) == 1
    assert journal.sealed_segments() == []
