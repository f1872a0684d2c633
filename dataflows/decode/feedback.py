"""Keeps the job's output from being scored again, and again."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dataflows.decode.faults import Faults
from dataflows.decode.splitter import RawEvents

ENRICHED_EVENT = (b'"event_id":', b'"reconstruction_error":', b'"telemetry":')
"""What every enriched event contains."""


def rule_out_enriched_events(events: RawEvents, values: NDArray[np.float64], faults: Faults) -> None:
    """Make dead letters of enriched events that come back as telemetry.

    They do where the telemetry topic also matches the enriched one, or through a bridge. Their signals are
    not where telemetry has them, so only events without any signal are looked at.

    Args:
        events: n events.
        values: their signals, shape (n, S); NaN where missing.
        faults: gets the enriched events.
    """
    if not np.isnan(values[:, 0]).any():
        return
    for position in np.flatnonzero(np.isnan(values).all(axis=1)).tolist():
        if all(mark in events.payloads[position] for mark in ENRICHED_EVENT):
            faults.add(
                position,
                "expected telemetry, got an enriched event: what the job publishes comes back as telemetry; "
                "check topics.telemetry and the bridges between brokers",
            )
