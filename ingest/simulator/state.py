"""What an instance remembers of its demonstration: which one, and with which seed it was made.

Belongs here: the one small file. It is written before history is, so that a load that was broken off goes on with the
same files and nothing lands twice; ``is_loaded`` becomes true when everything is in.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from warehouse.settings import Settings


@dataclass(frozen=True)
class DemoState:
    """A demonstration; ``until`` is the aware instant at which its history ends."""

    is_manual: bool
    seed: int
    scale: float
    days: int
    until: datetime
    is_loaded: bool = False


def demo_folder(settings: Settings) -> Path:
    """Where the state and, while it is being loaded, the history lie."""
    return settings.home / "demo"


def read_state(settings: Settings) -> DemoState | None:
    """The demonstration of this instance; None when there is none."""
    path = demo_folder(settings) / "demo.json"
    if not path.is_file():
        return None
    values = json.loads(path.read_text(encoding="utf-8"))
    return DemoState(**(values | {"until": datetime.fromisoformat(values["until"])}))


def write_state(settings: Settings, state: DemoState) -> None:
    """Remember ``state``; a crash leaves the old or the new file."""
    folder = demo_folder(settings)
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / "demo.json.partial"
    partial.write_text(json.dumps(asdict(state) | {"until": state.until.isoformat()}), encoding="utf-8")
    partial.replace(folder / "demo.json")
