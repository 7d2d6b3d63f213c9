"""The devices of a lot: what its registry says about each controller, camera, terminal, pay station and display.

Belongs here: the registry. Does not belong here: when a device fails (``facility.py``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

from ingest.simulator.model import Gate, LotModel


@dataclass(frozen=True)
class Device:
    """One device; fields as in the record contract."""

    device_id: str
    device_type: str
    number: str
    name: str
    area_name: str | None = None
    gate_id: str | None = None
    gate_name: str | None = None
    direction: str | None = None
    ip: str | None = None
    host_ip: str | None = None
    vehicle_classes: str | None = None
    is_virtual: bool = False
    download_state: str | None = None
    guidance_enabled: bool | None = None


@lru_cache(maxsize=64)
def devices(lot: LotModel) -> tuple[Device, ...]:
    """All devices of ``lot`` in the order of its registry."""
    network = f"192.168.{lot.key % 200 + 10}"
    found: list[Device] = []
    for number, gate in enumerate(lot.gates, start=1):
        found += _lane(network, number, gate)
    for number, gate in enumerate((gate for gate in lot.gates if gate.booth), start=1):
        found.append(
            Device(
                device_id=f"term-{gate.gate_id}",
                device_type="terminal",
                number=f"T{number}",
                name=f"{gate.booth}终端",
                area_name=gate.area_name,
                gate_id=gate.gate_id,
                gate_name=gate.name,
                ip=f"{network}.{80 + number}",
                host_ip=f"{network}.2",
            )
        )
    for number in range(1, lot.pay_stations + 1):
        found.append(
            Device(
                device_id=f"pay-{number}",
                device_type="pay_station",
                number=f"P{number}",
                name=f"自助缴费机{number}",
                ip=f"{network}.{100 + number}",
                host_ip=f"{network}.2",
                download_state="downloaded" if number < 3 else "pending",
                guidance_enabled=number == 1,
            )
        )
    entrances = lot.gates_of("entry")
    for number in range(1, lot.displays + 1):
        gate = entrances[(number - 1) % len(entrances)]
        found.append(
            Device(
                device_id=f"disp-{number}",
                device_type="display",
                number=f"D{number}",
                name=f"{gate.name}余位屏",
                gate_id=gate.gate_id,
                gate_name=gate.name,
                direction="entry",
                ip=f"{network}.{120 + number}",
                host_ip=f"{network}.2",
                download_state="failed" if number == 3 else "downloaded",
                guidance_enabled=number == 1,
            )
        )
    return tuple(found)


def _lane(network: str, number: int, gate: Gate) -> list[Device]:
    # Somebody gave the fifth lane's camera the address of the fourth's; the device pages must flag it.
    camera = 4 if number == 5 else number
    controller = Device(
        device_id=gate.controller_id,
        device_type="controller",
        number=f"{number:02d}",
        name=f"{gate.name}控制机",
        area_name=gate.area_name,
        gate_id=gate.gate_id,
        gate_name=gate.name,
        direction=gate.direction,
        ip=f"{network}.{10 + number}",
        host_ip=f"{network}.2",
        vehicle_classes="temporary,long_term,registered_temporary",
    )
    return [
        controller,
        replace(
            controller,
            device_id=gate.camera_id,
            device_type="camera",
            name=f"{gate.name}摄像机",
            ip=f"{network}.{40 + camera}",
        ),
    ]
