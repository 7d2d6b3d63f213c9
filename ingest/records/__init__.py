"""The record contract /v1: what a lot may send, how it is checked, and the verdict each record gets."""

from __future__ import annotations

from ingest.records.batch import BatchResult, LotContext, Verdict, decode_batch
from ingest.records.verdicts import BatchError

__all__ = ["BatchError", "BatchResult", "LotContext", "Verdict", "decode_batch"]
