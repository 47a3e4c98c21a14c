"""Draws images/icon.png: a Tab key whose arrow ends in grey text.

`python scripts/draw_icon.py` in editors/vscode; needs nothing but Python.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

SIZE = 256
SAMPLES = 4
"""Each pixel is the mean of this many by this many points."""

Colour = tuple[int, int, int, int]
NAVY: Colour = (22, 50, 79, 255)
WHITE: Colour = (255, 255, 255, 255)
GHOST: Colour = (132, 158, 184, 255)
CLEAR: Colour = (0, 0, 0, 0)


def in_round_box(
    x: float, y: float, left: float, top: float, right: float, bottom: float, radius: float
) -> bool:
    """Whether a point is in a box with round corners."""
    if not (left <= x <= right and top <= y <= bottom):
        return False
    near_x = min(max(x, left + radius), right - radius)
    near_y = min(max(y, top + radius), bottom - radius)
    return (x - near_x) ** 2 + (y - near_y) ** 2 <= radius**2


def colour_at(x: float, y: float) -> Colour:
    """Return the colour of a point; x and y go from 0 to 1."""
    if not in_round_box(x, y, 0.0, 0.0, 1.0, 1.0, 0.2):
        return CLEAR
    in_stem = in_round_box(x, y, 0.16, 0.335, 0.58, 0.425, 0.02)
    in_head = 0.5 <= x <= 0.7 and abs(y - 0.38) <= (0.7 - x) * 0.95
    in_bar = in_round_box(x, y, 0.74, 0.2, 0.83, 0.56, 0.03)
    if in_stem or in_head or in_bar:
        return WHITE
    in_typed = in_round_box(x, y, 0.16, 0.7, 0.4, 0.79, 0.045)
    if in_typed:
        return WHITE
    return GHOST if in_round_box(x, y, 0.46, 0.7, 0.83, 0.79, 0.045) else NAVY


def pixel(column: int, row: int) -> bytes:
    """Return a pixel as red, green, blue and opacity."""
    points = [
        colour_at(
            (column + (i + 0.5) / SAMPLES) / SIZE,
            (row + (j + 0.5) / SAMPLES) / SIZE,
        )
        for i in range(SAMPLES)
        for j in range(SAMPLES)
    ]
    opacity = sum(point[3] for point in points)
    if opacity == 0:
        return bytes(4)
    mixed = [sum(point[i] * point[3] for point in points) // opacity for i in range(3)]
    return bytes([*mixed, opacity // len(points)])


def chunk(kind: bytes, data: bytes) -> bytes:
    """Return a chunk of a PNG file (https://www.w3.org/TR/png-3/#5Chunk-layout)."""
    checksum = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)


def png() -> bytes:
    """Return the icon as a PNG file."""
    rows = b"".join(
        b"\0" + b"".join(pixel(column, row) for column in range(SIZE)) for row in range(SIZE)
    )
    header = struct.pack(">IIBBBBB", SIZE, SIZE, 8, 6, 0, 0, 0)
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", header),
            chunk(b"IDAT", zlib.compress(rows, 9)),
            chunk(b"IEND", b""),
        ]
    )


if __name__ == "__main__":
    icon = Path(__file__).parents[1] / "images" / "icon.png"
    icon.write_bytes(png())
    print(f"{icon}: {icon.stat().st_size} bytes")
