"""The section ``[rollups]``: what is kept of each vehicle and window of time."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, PositiveFloat, model_validator

from config.section import Section

LONGEST_WINDOW = 86_400.0
"""Seconds; a day."""

LONGEST_TIME = 366 * LONGEST_WINDOW
"""Seconds; a year."""

Duration = Annotated[float, Field(ge=0.0, le=LONGEST_TIME)]


class RollupSettings(Section):
    """Summaries per vehicle and window of event time; described in ``docs/rollups.md``.

    Attributes:
        enabled: whether there are any.
        window: length of a window, seconds; windows begin at multiples of it since 1970-01-01 UTC.
        allowed_lateness: seconds by which an event may be older than its vehicle's latest window allows.
        pause: seconds between two readings of a vehicle from which on nobody knows what it did in between.
        moving_above: km/h from which on a vehicle moves.
    """

    enabled: bool
    window: PositiveFloat
    allowed_lateness: Duration
    pause: Duration
    moving_above: Annotated[float, Field(ge=0.0, allow_inf_nan=False)]

    @model_validator(mode="after")
    def _window_is_whole(self) -> RollupSettings:
        if not self.window.is_integer() or LONGEST_WINDOW % self.window:
            raise ValueError(
                f"window: expected whole seconds that divide a day, such as 60 or 900, got {self.window:g}"
            )
        return self
