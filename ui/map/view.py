"""The map as other parts of the page use it: what it shows, and the call that draws it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from config.settings import Settings
from ui.live.track import Track

Tone = Literal["critical", "major", "minor", "warning", "ok", "silent", "warming_up"]
"""How a vehicle is: the severity of its worst open alert, or what it is without one."""


@dataclass(frozen=True, slots=True)
class MapVehicle:
    """A vehicle as the map draws it.

    Attributes:
        vehicle_id: its id, which is also its label; untrusted text.
        track: (latitude, longitude) in degrees, oldest first; the last point is where it is now. A vehicle
            without one is not drawn.
        tone: how it is.
        lines: of the tooltip, below the id; untrusted text.
        heading: degrees clockwise from north; ``None`` if it stands or the heading is unknown.
    """

    vehicle_id: str
    track: Track
    tone: Tone
    lines: tuple[str, ...] = ()
    heading: float | None = None


@dataclass(frozen=True, slots=True)
class MapRoute:
    """Where one vehicle was, drawn as a line.

    Attributes:
        points: (latitude, longitude) in degrees, oldest first.
        flagged: indices of the points at which something was unusual.
        at: index of the moment that the page shows; ``None`` for none.
    """

    points: Sequence[tuple[float, float]]
    flagged: Sequence[int] = ()
    at: int | None = None


def show_map(
    settings: Settings,
    key: str,
    vehicles: Sequence[MapVehicle],
    *,
    chosen: str | None = None,
    route: MapRoute | None = None,
    height: int = 460,
    on_click: Callable[[str], None] | None = None,
) -> None:
    """Draw a map.

    The browser keeps the section of the world that the viewer has moved to as long as `key` is the same.

    Args:
        settings: `page.base_map` is used.
        key: unique on the page.
        vehicles: in any order.
        chosen: id of the vehicle that has a ring and always its label.
        route: drawn below the vehicles.
        height: of the map, pixels.
        on_click: called in a widget's callback with the id of a vehicle that has been clicked.
    """
    raise NotImplementedError
