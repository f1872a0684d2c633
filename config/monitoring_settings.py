"""The section ``[monitoring]``: the metrics and the health that a process of a job serves over HTTP."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, PositiveFloat

from config.section import UNSET, Port, Section


class MonitoringSettings(Section):
    """What a process serves, and when it is ready; described in ``docs/metrics.md``.

    Attributes:
        host: address to listen on.
        port: port to listen on; ``None`` serves nothing. Processes on one machine need one each.
        max_snapshot_age: seconds since the latest epoch that was completed, from which on the process is not
            ready; ``None`` never.
        max_silence: seconds without a message, from which on it is not ready; ``None`` never.
    """

    host: Annotated[str, Field(min_length=1)]
    port: Annotated[Port | None, UNSET]
    max_snapshot_age: Annotated[PositiveFloat | None, UNSET]
    max_silence: Annotated[PositiveFloat | None, UNSET]
