"""What can be on a map: vehicles, each with a tone, and the route of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from ui.live.track import Track

Tone = Literal["critical", "major", "minor", "warning", "ok", "silent", "warming_up"]
"""How a vehicle is: the severity of its worst open alert, or what it is without one."""

TONES: tuple[Tone, ...] = get_args(Tone)
"""The worst first: the order in which they are drawn, and what the colour of a cluster follows."""

WORDS: dict[Tone, str] = {
    "critical": "critical alert",
    "major": "major alert",
    "minor": "minor alert",
    "warning": "warning",
    "ok": "no open alert",
    "silent": "silent",
    "warming_up": "warming up",
}
"""What is said of one vehicle."""

COUNTED: dict[Tone, str] = WORDS | {"critical": "critical", "major": "major", "minor": "minor"}
"""What is said of several, behind their number."""

ALERTS: frozenset[Tone] = frozenset({"critical", "major", "minor", "warning"})
"""The tones of vehicles with an open alert."""


@dataclass(frozen=True, slots=True)
class MapVehicle:
    """A vehicle as the map draws it.

    Attributes:
        vehicle_id: its id, which is also its label; untrusted text.
        track: (latitude, longitude) in degrees, oldest first; the last point is where it is now. A vehicle
            without one is not drawn.
        tone: how it is.
        lines: of the tooltip, below the id and the tone; untrusted text.
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
