"""What can be chosen about the region."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Parked = Literal["heartbeat", "sleep", "send"]


@dataclass(frozen=True, slots=True)
class RegionOptions:
    """The choices.

    Attributes:
        electric_share: of the fleet, 0–1.
        parked: what vehicles with the engine off do: send an event every `heartbeat` seconds, sleep and send
            nothing, or send as if they drove.
        heartbeat: seconds.
        time_zone: such as ``Europe/Berlin``; empty for the local mean time of the longitude.
    """

    electric_share: float = 0.3
    parked: Parked = "heartbeat"
    heartbeat: float = 60.0
    time_zone: str = ""
