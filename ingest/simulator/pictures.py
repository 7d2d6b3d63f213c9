"""Small pictures of cars, as a lane's camera would take them.

Belongs here: drawing. Does not belong here: which passages get one (``live.py``).
"""

from __future__ import annotations

import io
from hashlib import blake2b
from typing import Final

from PIL import Image, ImageDraw

SIZE: Final = (320, 200)
_PAINTS: Final = ((196, 30, 42), (32, 74, 135), (236, 236, 232), (40, 42, 46), (128, 132, 136), (201, 162, 39))


def picture_of(plate: str | None, moment: str) -> bytes:
    """A JPEG of some kilobytes; the same for the same plate and moment.

    The plate is drawn without its Chinese character, because no font of the machine is asked for.
    """
    digest = blake2b(f"{plate}/{moment}".encode(), digest_size=4).digest()
    image = Image.new("RGB", SIZE, (58, 62, 66))
    draw = ImageDraw.Draw(image)
    draw.polygon([(0, 200), (110, 60), (210, 60), (320, 200)], fill=(84, 88, 92))
    left = 70 + digest[0] % 30
    paint = _PAINTS[digest[1] % len(_PAINTS)]
    draw.rounded_rectangle((left + 25, 55, left + 135, 110), 14, fill=(24, 28, 34))
    draw.rounded_rectangle((left, 90, left + 160, 160), 16, fill=paint)
    for lamp in (left + 8, left + 128):
        draw.ellipse((lamp, 104, lamp + 24, 124), fill=(250, 244, 214))
    draw.rounded_rectangle((left + 45, 130, left + 115, 150), 3, fill=(24, 70, 168))
    draw.text((left + 52, 134), (plate or "").encode("ascii", "ignore").decode() or "------", fill=(255, 255, 255))
    draw.text((8, 8), moment[:19].replace("T", " "), fill=(255, 255, 255))
    target = io.BytesIO()
    image.save(target, "JPEG", quality=70)
    return target.getvalue()
