"""Payment QR codes of gates as pictures, as one archive and as a sheet to print.

Belongs here: drawing codes. Does not belong here: which token a gate has (``lot_gates.py``). The sheet is one HTML file
that needs nothing else: pictures are inside it, and it has no script.
"""

from __future__ import annotations

import io
import re
import zipfile
from html import escape
from typing import Final

import segno

from warehouse.errors import ParkError
from warehouse.security.actor import Actor
from warehouse.services.lot_gates import GateView, list_gates
from warehouse.services.lot_list import get_lot
from warehouse.settings import Settings

_SCALE: Final = 12
_QUIET: Final = 4
_UNSAFE: Final = re.compile(r'[\\/:*?"<>|\x00-\x1f]+')
_DIRECTIONS: Final = {"entry": ("入口", "Entry"), "exit": ("出口", "Exit"), "both": ("出入口", "Entry and exit")}
_STYLE: Final = """
@page { size: A4; margin: 12mm }
* { box-sizing: border-box }
body { margin: 0; color: #000; background: #fff }
body { font-family: "Noto Sans CJK SC", "Microsoft YaHei", "PingFang SC", sans-serif }
main { display: grid; grid-template-columns: 1fr 1fr; gap: 8mm; padding: 4mm }
figure { margin: 0; padding: 6mm; border: .3mm dashed #888; text-align: center; break-inside: avoid }
figure svg { width: 70mm; height: 70mm }
h2 { margin: 2mm 0 0; font-size: 15pt; overflow-wrap: anywhere }
p { margin: 1mm 0 0; font-size: 11pt; overflow-wrap: anywhere }
"""


def code_png(text: str) -> bytes:
    """A QR code as PNG, black on white, with its quiet zone."""
    picture = io.BytesIO()
    _code(text).save(picture, kind="png", scale=_SCALE, border=_QUIET)
    return picture.getvalue()


def code_svg(text: str) -> bytes:
    """A QR code as a free-standing SVG file."""
    picture = io.BytesIO()
    _code(text).save(picture, kind="svg", scale=_SCALE, border=_QUIET, dark="#000", light="#fff")
    return picture.getvalue()


def gate_code(settings: Settings, actor: Actor, lot_id: int, gate_id: str, kind: str) -> tuple[str, bytes]:
    """File name and content of one gate's code; ``kind`` is png or svg.

    Raises:
        Forbidden: the lot is not there for this actor.
        ParkError: ``unknown_gate``.
    """
    gates = list_gates(settings, actor, lot_id)
    gate = next((gate for gate in gates if gate.gate_id == gate_id), None)
    if gate is None:
        raise ParkError(
            zh=f"没有出入口 {gate_id}：请重新打开列表",
            en=f"there is no gate {gate_id}: open the list again",
            code="unknown_gate",
        )
    draw = {"png": code_png, "svg": code_svg}[kind]
    return f"{_file_name(gate)}.{kind}", draw(gate.pay_url)


def all_codes(settings: Settings, actor: Actor, lot_id: int) -> bytes:
    """A ZIP archive with the PNG of every gate of a lot.

    Raises:
        Forbidden: the lot is not there for this actor.
    """
    archive = io.BytesIO()
    taken: set[str] = set()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for gate in list_gates(settings, actor, lot_id):
            name = _file_name(gate)
            while name in taken:
                name += "_"
            taken.add(name)
            file.writestr(f"{name}.png", code_png(gate.pay_url))
    return archive.getvalue()


def code_sheet(settings: Settings, actor: Actor, lot_id: int) -> bytes:
    """Every gate's code on A4 pages to print, as one HTML file, in both languages.

    Raises:
        Forbidden: the lot is not there for this actor.
    """
    lot = get_lot(settings, actor, lot_id)
    figures = "".join(_figure(lot.name, gate) for gate in list_gates(settings, actor, lot_id))
    return (
        f'<!doctype html><html lang="zh"><head><meta charset="utf-8"><title>{escape(lot.name)}</title>'
        f"<style>{_STYLE}</style></head><body><main>{figures}</main></body></html>"
    ).encode()


def _figure(lot_name: str, gate: GateView) -> str:
    picture = _code(gate.pay_url).svg_inline(border=_QUIET, dark="#000", light="#fff", omitsize=True)
    zh, en = _DIRECTIONS[gate.direction]
    return (
        f"<figure>{picture}<figcaption><h2>{escape(lot_name)}</h2><p>{escape(gate.name)} · {zh} {en}</p>"
        "<p>扫码缴停车费 · Scan to pay for parking</p></figcaption></figure>"
    )


def _code(text: str) -> segno.QRCode:
    return segno.make_qr(text, error="m", boost_error=True)


def _file_name(gate: GateView) -> str:
    return _UNSAFE.sub("_", f"{gate.gate_id} {gate.name}").strip(" .")[:100] or "gate"
