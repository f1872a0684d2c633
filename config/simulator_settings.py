"""The simulated fleet, ``[simulator]``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from config.payload_settings import check_time_zone
from config.section import UNSET, Section, Share


class SimulatorSettings(Section):
    """The simulated fleet; from `electric_share` on, only of the region."""

    world: Literal["city", "region"]
    vehicles: PositiveInt
    rate: PositiveFloat
    seed: NonNegativeInt
    faults_per_hour: NonNegativeFloat
    latitude: Annotated[float, Field(ge=-85.0, le=85.0)]
    longitude: Annotated[float, Field(ge=-180.0, le=180.0)]
    electric_share: Share
    parked: Literal["heartbeat", "sleep", "send"]
    heartbeat: PositiveFloat
    commands: bool
    time_zone: Annotated[str | None, AfterValidator(check_time_zone), UNSET]
