"""The base map: a local file of roads (GeoJSON) or of vector tiles (PMTiles), as the browser gets it."""

from __future__ import annotations

import gzip
import hashlib
import html
import logging
import re
from abc import ABC, abstractmethod
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import msgspec

from config.errors import SettingsError

log = logging.getLogger(__name__)

MAX_GEOJSON_MIB = 64
"""The browser reads all of a GeoJSON file, but only what is visible of a PMTiles file."""

_MARKUP = re.compile(r"<[^>]*>")
_COLLECTION = msgspec.json.Decoder(dict[str, msgspec.Raw])


class BaseMap(ABC):
    """A file, compressed with gzip where it is sent.

    Attributes:
        version: differs whenever the file does, so that browsers can keep what they have got.
    """

    def __init__(self, version: str) -> None:
        self.version = version

    @abstractmethod
    def description(self) -> dict[str, Any]:
        """What the browser asks for first: ``kind``, ``attribution``; of tiles ``min_zoom``, ``max_zoom``."""

    def content(self) -> bytes | None:
        """A whole file as GeoJSON, compressed; ``None`` if there are tiles instead."""
        return None

    def tile(self, zoom: int, column: int, row: int) -> bytes | None:
        """A Mapbox vector tile, compressed; ``None`` if there is none."""
        return None


class RoadFile(BaseMap):
    """GeoJSON.

    Raises:
        SettingsError: it is something else, or too large.
    """

    kind: Literal["file"] = "file"

    def __init__(self, file: Path, version: str) -> None:
        super().__init__(version)
        size = file.stat().st_size / 2**20
        if size > MAX_GEOJSON_MIB:
            raise SettingsError(
                f"page.base_map: expected at most {MAX_GEOJSON_MIB} MiB of GeoJSON in {file}, "
                f"got {size:.0f} MiB; convert it to PMTiles"
            )
        data = file.read_bytes()
        try:
            members = _COLLECTION.decode(data)
            kind = msgspec.json.decode(members.get("type", b"null"))
            attribution = msgspec.json.decode(members.get("attribution", b'""'))
        except msgspec.MsgspecError as error:
            raise SettingsError(f"page.base_map: expected GeoJSON in {file}: {error}") from None
        if kind != "FeatureCollection" or "features" not in members:
            raise SettingsError(
                f"page.base_map: expected a FeatureCollection in {file}, got the type {kind!r}"
            )
        self._attribution = _text(attribution)
        self._content = gzip.compress(data, compresslevel=6)

    def description(self) -> dict[str, Any]:
        return {"kind": self.kind, "attribution": self._attribution}

    def content(self) -> bytes:
        return self._content


class TileFile(BaseMap):
    """PMTiles, version 3, with vector tiles; needs the extra ``maps``.

    Raises:
        SettingsError: it is something else, or the extra is not installed.
    """

    kind: Literal["tiles"] = "tiles"

    def __init__(self, file: Path, version: str) -> None:
        super().__init__(version)
        try:
            from pmtiles.reader import Reader
            from pmtiles.tile import Compression, TileType
        except ImportError:
            raise SettingsError(
                f"page.base_map: {file} needs the package pmtiles; install it: "
                "pip install 'fleet-telemetry[maps]'"
            ) from None
        self._file = file
        self._reader = Reader(self._read)
        try:
            header, metadata = self._reader.header(), self._reader.metadata()
        except Exception as error:  # whatever the reader makes of bytes that are something else
            raise SettingsError(f"page.base_map: expected PMTiles, version 3, in {file}: {error}") from None
        if header["tile_type"] != TileType.MVT:
            raise SettingsError(
                f"page.base_map: expected vector tiles (MVT) in {file}, "
                f"got {header['tile_type'].name.lower()}"
            )
        if header["tile_compression"] not in (Compression.GZIP, Compression.NONE):
            raise SettingsError(
                f"page.base_map: expected tiles compressed with gzip in {file}, "
                f"got {header['tile_compression'].name.lower()}"
            )
        self._is_compressed = header["tile_compression"] == Compression.GZIP
        self._zooms = (int(header["min_zoom"]), int(header["max_zoom"]))
        self._attribution = _text(metadata.get("attribution", ""))

    def description(self) -> dict[str, Any]:
        least, most = self._zooms
        return {"kind": self.kind, "attribution": self._attribution, "min_zoom": least, "max_zoom": most}

    def tile(self, zoom: int, column: int, row: int) -> bytes | None:
        least, most = self._zooms
        if not least <= zoom <= most or not (0 <= column < 2**zoom and 0 <= row < 2**zoom):
            return None
        try:
            data: bytes | None = self._reader.get(zoom, column, row)
        except Exception as error:  # whatever the reader makes of a file that is damaged further on
            log.warning("%s: tile %d/%d/%d cannot be read: %s", self._file, zoom, column, row, error)
            return None
        return data if data is None or self._is_compressed else gzip.compress(data, compresslevel=1)

    def _read(self, offset: int, length: int) -> bytes:
        # Not mapped into memory: the process would be killed if somebody truncated the file.
        with self._file.open("rb") as opened:
            opened.seek(offset)
            return opened.read(length)


def opened(file: Path) -> BaseMap:
    """The base map in a file; opened once, and again when it has changed.

    Raises:
        SettingsError: it cannot be read, is neither GeoJSON nor PMTiles, or needs what is not installed.
    """
    try:
        state = file.stat()
    except OSError as error:
        raise SettingsError(f"page.base_map: cannot read {file}: {error.strerror}") from None
    found = _opened(file.resolve(), state.st_mtime_ns, state.st_size)
    if isinstance(found, SettingsError):
        raise found
    return found


@lru_cache(maxsize=4)
def _opened(file: Path, changed: int, size: int) -> BaseMap | SettingsError:
    # An error is kept too: the page asks again at each drawing.
    version = hashlib.sha256(f"{file} {changed} {size}".encode()).hexdigest()[:12]
    try:
        return (TileFile if file.suffix.lower() == ".pmtiles" else RoadFile)(file, version)
    except SettingsError as error:
        return error
    except OSError as error:
        return SettingsError(f"page.base_map: cannot read {file}: {error.strerror}")


def _text(attribution: object) -> str:
    """What the metadata say, often a link, without markup."""
    return (
        " ".join(html.unescape(_MARKUP.sub("", attribution)).split()) if isinstance(attribution, str) else ""
    )
