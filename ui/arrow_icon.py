"""The arrow that stands for a moving vehicle, as a picture the map can tint and turn."""

from __future__ import annotations

import base64
import struct
import zlib
from functools import cache

import numpy as np

SIZE = 64
"""Pixels of a side; the arrow points up and turns about the middle."""

_OVERSAMPLING = 4


@cache
def arrow_png() -> str:
    """A white arrow on a transparent ground as a data URI: PNG, since deck.gl cannot tint an SVG."""
    samples = SIZE * _OVERSAMPLING
    axis = (np.arange(samples) + 0.5) / samples * 2.0 - 1.0
    right, down = np.meshgrid(axis, axis)
    across = np.abs(right)
    # Tip at (0, -0.9), tails at (±0.7, 0.85), notch at (0, 0.5).
    inside = (across <= (down + 0.9) * 0.4) & (down <= 0.5 + across * 0.5)
    alpha = inside.reshape(SIZE, _OVERSAMPLING, SIZE, _OVERSAMPLING).mean(axis=(1, 3)) * 255.0
    pixels = np.full((SIZE, SIZE, 4), 255, dtype=np.uint8)
    pixels[..., 3] = alpha.round()
    # Every line of a PNG begins with its filter, 0 for none.
    lines = b"".join(b"\0" + line.tobytes() for line in pixels)
    header = struct.pack(">IIBBBBB", SIZE, SIZE, 8, 6, 0, 0, 0)
    picture = b"\x89PNG\r\n\x1a\n" + b"".join(
        _chunk(kind, content)
        for kind, content in ((b"IHDR", header), (b"IDAT", zlib.compress(lines)), (b"IEND", b""))
    )
    return f"data:image/png;base64,{base64.b64encode(picture).decode()}"


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
