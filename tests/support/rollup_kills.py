"""Settings under which windows close all the time, and what is true of rollups after any number of kills."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from dataflows.clock import EPOCH
from dataflows.events import Rollup
from tests.support.alert_kills import SECONDS, VEHICLES

WINDOW, LATENESS = 10, 20

SETTINGS = f"""
[signals.speed]
pointer = "/speed"
unit = "km/h"
measures = "speed"
[signals.rpm]
pointer = "/rpm"
[alerts]
enabled = false
[rollups]
window = {WINDOW}.0
allowed_lateness = {LATENESS}.0
"""

CLOSED = VEHICLES * (SECONDS - LATENESS - WINDOW) // WINDOW
"""Windows that have closed when all of `alert_telemetry` was summed up; the last ones are still open."""


def said(payloads: Iterable[bytes | None], context: str) -> dict[str, Rollup]:
    """Rollup id → what it says, but for when; a rollup that is repeated says the same."""
    found: dict[str, Rollup] = {}
    for payload in payloads:
        assert payload
        rollup = msgspec.structs.replace(msgspec.json.decode(payload, type=Rollup), made_at=EPOCH)
        assert found.setdefault(rollup.rollup_id, rollup) == rollup, context
    return found


def check_rollups(found: dict[str, Rollup], expected: dict[str, Rollup], context: str) -> None:
    """None is missing or made up, and each says what it says in a job that was not killed."""
    assert len(expected) == CLOSED, context
    assert {rollup.events for rollup in expected.values()} == {WINDOW}, context
    assert set(found) == set(expected), context
    assert found == expected, context
