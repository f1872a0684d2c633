"""What the page sends to the map of the fleet."""

from __future__ import annotations

import json
import struct
import zlib
from typing import Any

from streamlit.testing.v1 import AppTest


def parts(message: bytes) -> list[bytes]:
    """The parts of a message, as `ui.map.message` describes them."""
    found = []
    while message:
        (length,) = struct.unpack_from("<I", message)
        found.append(zlib.decompress(message[4 : 4 + length]))
        message = message[4 + length :]
    return found


def has_map(page: AppTest) -> bool:
    """Whether there is a map of the fleet on the page."""
    return bool(_maps(page))


def settings_of_map(page: AppTest) -> dict[str, Any]:
    """The settings in the message to the map, without the vehicles."""
    settings: dict[str, Any] = json.loads(parts(_maps(page)[0])[0])
    return settings


def texts_on_map(page: AppTest) -> dict[str, list[str]]:
    """Vehicle id → the lines of its tooltip."""
    texts = json.loads(parts(_maps(page)[0])[2])
    return dict(zip(texts["ids"], texts["lines"], strict=True))


def _maps(page: AppTest) -> list[bytes]:
    components = page.get("bidi_component")
    return [each.proto.bytes for each in components if each.proto.component_name.endswith("fleet_map")]
