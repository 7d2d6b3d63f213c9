"""Decompression within limits."""

from __future__ import annotations

import contextlib
import gzip
import tracemalloc

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.gateway.answers import Refusal
from ingest.gateway.bodies import decompress

LIMIT = 1024 * 1024


@settings(max_examples=60, deadline=None)
@given(content=st.binary(min_size=1, max_size=5000), level=st.integers(1, 9))
def test_what_was_packed_comes_out(content: bytes, level: int) -> None:
    assert decompress(gzip.compress(content, level), "gzip", LIMIT) == content
    assert decompress(zstandard.ZstdCompressor(level=level).compress(content), "zstd", LIMIT) == content
    assert decompress(content, "", LIMIT) == content


def test_several_members_and_frames_are_joined() -> None:
    assert decompress(gzip.compress(b"one") + gzip.compress(b"two"), "gzip", LIMIT) == b"onetwo"
    assert decompress(zstandard.compress(b"one") + zstandard.compress(b"two"), "zstd", LIMIT) == b"onetwo"


@settings(max_examples=60, deadline=None)
@given(content=st.binary(min_size=1, max_size=3000), data=st.data())
def test_any_cut_is_noticed(content: bytes, data: st.DataObject) -> None:
    for packed, encoding in ((gzip.compress(content), "gzip"), (zstandard.compress(content), "zstd")):
        cut = data.draw(st.integers(0, len(packed) - 1))
        with pytest.raises(Refusal) as refused:
            decompress(packed[:cut], encoding, LIMIT)
        assert (refused.value.status, refused.value.code) == (400, "bad_compression")


@settings(max_examples=100, deadline=None)
@given(noise=st.binary(max_size=500))
def test_noise_is_refused_or_decoded_and_never_an_error(noise: bytes) -> None:
    for encoding in ("gzip", "zstd"):
        # Anything but a refusal would escape and fail the test.
        with contextlib.suppress(Refusal):
            assert len(decompress(noise, encoding, LIMIT)) <= LIMIT


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_bomb_is_stopped_before_it_fills_the_memory(encoding: str) -> None:
    content = b"\0" * (300 * LIMIT)
    bomb = gzip.compress(content, 9) if encoding == "gzip" else zstandard.ZstdCompressor(level=19).compress(content)
    del content
    assert len(bomb) < LIMIT
    tracemalloc.start()
    try:
        with pytest.raises(Refusal) as refused:
            decompress(bomb, encoding, LIMIT)
        assert tracemalloc.get_traced_memory()[1] < 40 * LIMIT
    finally:
        tracemalloc.stop()
    assert refused.value.status == 413


def test_a_body_just_at_the_limit_is_taken_and_one_byte_more_is_not() -> None:
    for pack, encoding in ((gzip.compress, "gzip"), (zstandard.compress, "zstd")):
        assert len(decompress(pack(b"x" * LIMIT), encoding, LIMIT)) == LIMIT
        with pytest.raises(Refusal):
            decompress(pack(b"x" * (LIMIT + 1)), encoding, LIMIT)
