"""Vector tiles and PMTiles for tests, written after the specifications and not after what reads them."""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pmtiles.tile import Compression, TileType, zxy_to_tileid
from pmtiles.writer import Writer

POINT, LINE, POLYGON = 1, 2, 3

EXTENT = 4096

Feature = tuple[int, Mapping[str, str], Sequence[Sequence[tuple[int, int]]]]
"""Kind of geometry, properties, and its points, lines or rings in units of the tile."""


def vector_tile(layers: Mapping[str, Sequence[Feature]]) -> bytes:
    """A tile of the Mapbox Vector Tile Specification 2.1.

    Args:
        layers: name → features.
    """
    return b"".join(_bytes(3, _layer(name, features)) for name, features in layers.items())


def write_pmtiles(
    file: Path,
    tiles: Mapping[tuple[int, int, int], bytes],
    metadata: Mapping[str, Any],
    *,
    tile_type: TileType = TileType.MVT,
    compression: Compression = Compression.GZIP,
) -> None:
    """Write a PMTiles file.

    Args:
        file: where.
        tiles: (zoom, column, row) → tile, not compressed.
        metadata: ``attribution`` and whatever else.
        tile_type: what the header says that a tile is.
        compression: of the tiles; any but gzip leaves them as they are.
    """
    zooms = [zoom for zoom, _, _ in tiles]
    header = {
        "tile_type": tile_type,
        "tile_compression": compression,
        "min_zoom": min(zooms),
        "max_zoom": max(zooms),
        **{f"{side}_{name}_e7": 0 for side in ("min", "max") for name in ("lon", "lat")},
        "center_zoom": 0,
        "center_lon_e7": 0,
        "center_lat_e7": 0,
    }
    with file.open("wb") as opened:
        writer = Writer(opened)
        for place in sorted(tiles, key=lambda place: zxy_to_tileid(*place)):
            tile = tiles[place]
            writer.write_tile(
                zxy_to_tileid(*place), gzip.compress(tile) if compression == Compression.GZIP else tile
            )
        writer.finalize(header, dict(metadata))


def _layer(name: str, features: Sequence[Feature]) -> bytes:
    keys = sorted({key for _, properties, _ in features for key in properties})
    values = sorted({value for _, properties, _ in features for value in properties.values()})
    parts = [_number(15, 2), _bytes(1, name.encode())]
    for kind, properties, lines in features:
        tags = [
            number for key, value in properties.items() for number in (keys.index(key), values.index(value))
        ]
        packed_tags = b"".join(map(_varint, tags))
        geometry = b"".join(map(_varint, _commands(kind, lines)))
        parts.append(_bytes(2, _bytes(2, packed_tags) + _number(3, kind) + _bytes(4, geometry)))
    parts += [_bytes(3, key.encode()) for key in keys]
    parts += [_bytes(4, _bytes(1, value.encode())) for value in values]
    return b"".join([*parts, _number(5, EXTENT)])


def _commands(kind: int, lines: Sequence[Sequence[tuple[int, int]]]) -> list[int]:
    commands: list[int] = []
    pen = (0, 0)
    for line in lines:
        for number, (x, y) in enumerate(line):
            if number == 0:
                commands.append(1 | 1 << 3)
            elif number == 1:
                commands.append(2 | (len(line) - 1) << 3)
            commands += [_zigzag(x - pen[0]), _zigzag(y - pen[1])]
            pen = (x, y)
        if kind == POLYGON:
            commands.append(7 | 1 << 3)
    return commands


def _zigzag(value: int) -> int:
    return 2 * value if value >= 0 else -2 * value - 1


def _varint(value: int) -> bytes:
    parts = []
    while value >= 128:
        parts.append(value % 128 + 128)
        value //= 128
    return bytes([*parts, value])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value
