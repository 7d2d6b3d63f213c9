"""Typical tariffs in their JSON form, as starting points of the editor.

Belongs here: documents that people change. Does not belong here: anything that is charged as it stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True)
class Template:
    """A starting point: its key, its name in both languages, and the JSON form of the tariff."""

    key: str
    zh: str
    en: str
    document: dict[str, Any]


def _rate(first: tuple[int, str], unit: tuple[int, str], **more: object) -> dict[str, Any]:
    return {
        "kind": "rate",
        "first_minutes": first[0],
        "first_price": first[1],
        "unit_minutes": unit[0],
        "unit_price": unit[1],
        **more,
    }


_OFFICE: Final = {
    "version": 1,
    "name": "写字楼",
    "grace_minutes": 15,
    "plans": [
        {
            "free_minutes": 15,
            "cap_per_24_hours": "50.00",
            "days": [
                {"kinds": ["workday"], "pricing": _rate((60, "8.00"), (30, "3.00"))},
                {"pricing": {"kind": "per_entry", "price": "10.00"}},
            ],
        }
    ],
}
_MALL: Final = {
    "version": 1,
    "name": "商场",
    "grace_minutes": 20,
    "coupon_order": "minutes_first",
    "plans": [
        {
            "free_minutes": 30,
            "free_time_billed": True,
            "cap_per_24_hours": "30.00",
            "days": [{"pricing": _rate((60, "5.00"), (30, "2.00"), restarts="every_24_hours")}],
        }
    ],
}
_HOSPITAL: Final = {
    "version": 1,
    "name": "医院",
    "grace_minutes": 15,
    "plans": [
        {
            "vehicle_groups": ["large"],
            "free_minutes": 30,
            "days": [{"cap_per_day": "60.00", "pricing": _rate((60, "8.00"), (60, "4.00"))}],
        },
        {
            "free_minutes": 30,
            "free_time_billed": False,
            "days": [{"cap_per_day": "24.00", "pricing": _rate((60, "3.00"), (60, "2.00"), tolerance_minutes=5)}],
        },
    ],
}
_RESIDENTIAL: Final = {
    "version": 1,
    "name": "住宅小区",
    "grace_minutes": 15,
    "plans": [
        {
            "free_minutes": 60,
            "cap_per_24_hours": "20.00",
            "days": [
                {
                    "pricing": {
                        "kind": "bands",
                        "bands": [
                            {
                                "from": "07:00",
                                "to": "22:00",
                                "price": _rate((0, "0.00"), (60, "1.00")),
                                "cap": "10.00",
                            },
                            {"from": "22:00", "to": "07:00", "price": {"kind": "fixed", "price": "5.00"}},
                        ],
                    }
                }
            ],
        }
    ],
}
_STATION: Final = {
    "version": 1,
    "name": "火车站",
    "grace_minutes": 10,
    "plans": [
        {
            "vehicle_groups": ["new_energy"],
            "free_minutes": 60,
            "cap_per_24_hours": "48.00",
            "days": [{"pricing": _rate((60, "6.00"), (15, "1.50"))}],
        },
        {
            "free_minutes": 15,
            "cap_per_24_hours": "72.00",
            "days": [{"pricing": _rate((60, "8.00"), (15, "2.00"))}],
        },
    ],
}

TEMPLATES: Final = (
    Template("office", "写字楼", "Office building", _OFFICE),
    Template("mall", "商场", "Shopping mall", _MALL),
    Template("hospital", "医院", "Hospital", _HOSPITAL),
    Template("residential", "住宅小区", "Residential area", _RESIDENTIAL),
    Template("station", "火车站", "Railway station", _STATION),
)
