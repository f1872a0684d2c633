"""Values of the signal catalogue read from an original event through its JSON pointers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import jsonpointer
import msgspec

from config.settings import SignalSettings


class SignalReader:
    """Reads signals from `Enriched.telemetry`.

    Args:
        signals: the catalogue.
        latitude: name of the signal that holds the latitude in degrees; a name that is not in the
            catalogue means that there is no position.
        longitude: likewise the longitude.
    """

    def __init__(self, signals: Mapping[str, SignalSettings], latitude: str, longitude: str) -> None:
        self._pointers = {name: jsonpointer.JsonPointer(signal.pointer) for name, signal in signals.items()}
        self._latitude = self._pointers.get(latitude)
        self._longitude = self._pointers.get(longitude)

    @property
    def has_position(self) -> bool:
        """Whether the catalogue says where the position is."""
        return self._latitude is not None and self._longitude is not None

    def values(self, telemetry: msgspec.Raw) -> dict[str, float | None]:
        """Signal → value, in the order of the catalogue; `None` where it is missing or no finite number."""
        document = _document(telemetry)
        return {name: _number(document, pointer) for name, pointer in self._pointers.items()}

    def position(self, telemetry: msgspec.Raw) -> tuple[float, float] | None:
        """Latitude and longitude in degrees; `None` where one is missing or off the globe."""
        if self._latitude is None or self._longitude is None:
            return None
        document = _document(telemetry)
        latitude, longitude = _number(document, self._latitude), _number(document, self._longitude)
        if latitude is None or longitude is None or abs(latitude) > 90.0 or abs(longitude) > 180.0:
            return None
        return latitude, longitude


def _document(telemetry: msgspec.Raw) -> Any:
    try:
        return msgspec.json.decode(telemetry)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # The event itself was decoded and is shown; what cannot be read in it counts as missing.
        return None


def _number(document: Any, pointer: jsonpointer.JsonPointer) -> float | None:
    value = pointer.resolve(document, None)
    if not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
