"""Long-term parkers: the fixed pool of a lot, their plates and names, renewals and top-ups.

Belongs here: who they are and when they pay. Does not belong here: when they park (``stays.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import numpy as np
import polars as pl

from ingest.simulator.model import LotModel
from ingest.simulator.plates import Strings, draw_plates
from ingest.simulator.seeds import Stream, days, generator, midnight

_SURNAMES = np.array(list("王李张刘陈杨黄赵吴周徐孙马朱胡郭何林罗高郑梁谢宋唐许韩冯邓曹彭曾肖田董潘袁蔡蒋余"))
_GIVEN = np.array(
    list("伟芳娜敏静丽强磊军洋勇艳杰娟涛明超霞平刚桂英华玉兰建国文斌晨宇欣怡子涵浩然雨桐思远嘉琪志鹏海燕春梅")
)
_CLERKS = ("收费员周敏", "收费员陈立", "收费员许蕾")
RENEWAL_SHARE = 0.93
_RENEWAL_METHODS = (("wechat", 0.5), ("alipay", 0.28), ("cash", 0.12), ("bank_card", 0.07), ("wallet", 0.03))


@dataclass(frozen=True)
class Pool:
    """The long-term parkers of one lot, aligned arrays."""

    plates: Strings
    colors: Strings
    names: Strings
    owner_ids: Strings


@lru_cache(maxsize=64)
def pool(lot: LotModel, seed: int) -> Pool:
    """The pool of ``lot``; the same for every day."""
    rng = generator(seed, lot, Stream.POOL)
    count = lot.members.count
    plates, colors = draw_plates(rng, count, lot.home_plates)
    given = np.char.add(_GIVEN[rng.integers(0, len(_GIVEN), count)], _GIVEN[rng.integers(0, len(_GIVEN), count)])
    short = rng.random(count) < 0.25
    given = np.where(short, given.astype("<U1"), given)
    names = np.char.add(_SURNAMES[rng.integers(0, len(_SURNAMES), count)], given)
    owner_ids = np.array([f"O{index:05d}" for index in range(count)])
    return Pool(plates=plates, colors=colors, names=names, owner_ids=owner_ids)


def due_day(index: int) -> int:
    """Day of the month on which member ``index`` renews, 1 … 28."""
    return 1 + (index * 11) % 28


def renewals(lot: LotModel, seed: int, first: date, last: date) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Renewals and top-ups that happen on ``first`` … ``last``; columns as in the record contract, times in seconds."""
    renewed: list[dict[str, object]] = []
    topped: list[dict[str, object]] = []
    members = pool(lot, seed)
    methods = [name for name, _ in _RENEWAL_METHODS]
    shares = [share for _, share in _RENEWAL_METHODS]
    for day in days(first, last):
        rng = generator(seed, lot, Stream.MEMBERS, day)
        start = midnight(lot, day)
        for index in range(lot.members.count):
            if due_day(index) != day.day:
                continue
            pays, second, method = rng.random(), rng.integers(8 * 3600, 20 * 3600), rng.choice(methods, p=shares)
            if pays >= RENEWAL_SHARE:
                continue
            clerk = int(rng.integers(0, len(_CLERKS)))
            months = 3 if pays < 0.12 else 1
            expiry = start + 86400 * (1 + index % 3)  # most renew a day or two before the end
            renewed.append(
                {
                    "record_id": f"R{day:%Y%m%d}-{index:05d}",
                    "occurred_at": start + int(second),
                    "plate": str(members.plates[index]),
                    "owner_id": str(members.owner_ids[index]),
                    "owner_name": str(members.names[index]),
                    "amount": lot.members.monthly_fen * months,
                    "method": str(method),
                    "valid_from_before": expiry - 30 * 86400,
                    "valid_to_before": expiry - 1,
                    "valid_from": expiry,
                    "valid_to": expiry + months * 30 * 86400 - 1,
                    "operator_name": _CLERKS[clerk] if method in ("cash", "bank_card") else None,
                    "transaction_id": None if method == "cash" else f"{day:%Y%m%d}{lot.key % 10**6:06d}{index:06d}",
                    "remark": None,
                }
            )
        for number in range(int(rng.poisson(lot.members.count / 160))):
            index = int(rng.integers(0, lot.members.count))
            amount = int(rng.choice([10000, 20000, 30000, 50000]))
            topped.append(
                {
                    "record_id": f"T{day:%Y%m%d}-{number:03d}",
                    "occurred_at": start + int(rng.integers(9 * 3600, 19 * 3600)),
                    "plate": str(members.plates[index]),
                    "owner_id": str(members.owner_ids[index]),
                    "owner_name": str(members.names[index]),
                    "amount": amount,
                    "method": "wechat" if rng.random() < 0.7 else "cash",
                    "balance_after": amount + int(rng.integers(0, 80)) * 100,
                    "operator_name": _CLERKS[index % len(_CLERKS)],
                    "transaction_id": None,
                    "remark": None,
                }
            )
    return pl.DataFrame(renewed, schema=_RENEWAL), pl.DataFrame(topped, schema=_TOP_UP)


_WHO = {
    "record_id": pl.String,
    "occurred_at": pl.Int64,
    "plate": pl.String,
    "owner_id": pl.String,
    "owner_name": pl.String,
    "amount": pl.Int64,
    "method": pl.String,
}
_END = {"operator_name": pl.String, "transaction_id": pl.String, "remark": pl.String}
_VALIDITY = ("valid_from_before", "valid_to_before", "valid_from", "valid_to")
_RENEWAL = _WHO | dict.fromkeys(_VALIDITY, pl.Int64) | _END
_TOP_UP = _WHO | {"balance_after": pl.Int64} | _END
