"""The roads of an OpenStreetMap extract as a compact file.

Belongs here: the arrays of the graph, writing and reading them. Does not belong here: reading OpenStreetMap
(``extract.py``), searching (``embedded.py``).

A segment is the road between two junctions. Segment ``s`` gives two directed edges: ``2 s`` along its points and
``2 s + 1`` against them. Turns lead from a directed edge to the next; what may not be driven is in no turn.
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from warehouse.errors import ParkError

VERSION: Final = 1
SCALE: Final = 1e7
"""Degrees are kept as whole numbers of this part, as OpenStreetMap does."""

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Roads:
    """The graph.

    Attributes:
        points: longitude and latitude of each point, scaled.
        offsets: where each segment's points begin in ``shape``, one more than there are segments.
        shape: numbers of points, segment after segment.
        metres: length of each segment.
        speeds: of each segment, km/h.
        name: of each segment, a number in ``names``.
        allowed: of each segment, 1 along, 2 against its points, 3 both.
        ring: whether a segment is part of a roundabout.
        turns: from edge, to edge.
        turn_seconds: what each turn costs.
        main: whether a directed edge belongs to the largest part in which every place reaches every other.
        names: names of roads, the first is "".
        source: the file's name.
    """

    points: Array
    offsets: Array
    shape: Array
    metres: Array
    speeds: Array
    name: Array
    allowed: Array
    ring: Array
    turns: Array
    turn_seconds: Array
    main: Array
    names: tuple[str, ...]
    source: str

    @property
    def segments(self) -> int:
        """How many there are."""
        return len(self.metres)


_ARRAYS: Final = tuple(field.name for field in fields(Roads) if field.name not in ("names", "source"))


def write(roads: Roads, file: Path) -> None:
    """Write the graph as a whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    told = json.dumps({"version": VERSION, "names": roads.names, "source": roads.source}, ensure_ascii=False)
    arrays = {name: getattr(roads, name) for name in _ARRAYS}
    with tempfile.NamedTemporaryFile(dir=file.parent, suffix=".part", delete=False) as part:
        try:
            np.savez_compressed(part, told=np.frombuffer(told.encode(), dtype=np.uint8), **arrays)
            part.flush()
            os.fsync(part.fileno())
        except BaseException:
            Path(part.name).unlink()
            raise
    Path(part.name).replace(file)


def read(file: Path) -> Roads:
    """Read a graph.

    Raises:
        ParkError: ``bad_roads``: it is no graph, or of another version.
    """
    try:
        with np.load(file, allow_pickle=False) as opened:
            told = json.loads(opened["told"].tobytes())
            if told["version"] != VERSION:
                raise ValueError(f"version {told['version']}")
            arrays = {name: opened[name] for name in _ARRAYS}
    except (OSError, ValueError, KeyError) as error:
        raise ParkError(
            zh=f"路网文件 {file.name} 无法读取（{error}）：请重新运行 park map import",
            en=f"the road file {file.name} cannot be read ({error}): run park map import again",
            code="bad_roads",
        ) from error
    return Roads(**arrays, names=tuple(told["names"]), source=told["source"])
