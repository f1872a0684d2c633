"""Telemetry whose alerts open and clear all the time, and what is true of them after any number of kills."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import msgspec

from dataflows.events import Alert
from tests.support.alerting_job import drive, latest

VEHICLES = 20
LASTING = 5
"""Vehicles, the first ones, above their limit from `BEGIN` to `END`: their alerts are acknowledged."""

SECONDS = 600
EVENTS = SECONDS * VEHICLES
BEGIN, END = 40, 585
LAST = 20 * VEHICLES
"""Events to be sent after the last kill: what was acknowledged clears, which shows what is known of it."""

PERIOD, FAST = 30, 4
"""Seconds after which the others are above their limit again, and for how many: each time is an alert."""

TIME_PER_KILL = 6.0
"""Seconds in which a job starts and is killed, about: events arrive for as long."""

LONGEST_RUN = 4.0
"""Seconds of output between two kills, at most."""

WHO = "Kim"
"""Who acknowledges."""


def alert_telemetry() -> list[bytes]:
    """An event of each vehicle in each second, in turn."""
    payloads = []
    for second in range(SECONDS):
        for vehicle in range(VEHICLES):
            again = (second + 7 * vehicle) % PERIOD < FAST
            fast = BEGIN <= second < END if vehicle < LASTING else again
            payloads += drive([second], fast=[second] if fast else [], vehicles=[f"VEH-{vehicle}"])
    return payloads


def is_lasting(alert: Alert) -> bool:
    """Whether it is of a vehicle whose alerts are acknowledged."""
    return int(alert.vehicle_id.removeprefix("VEH-")) < LASTING


def check_alerts(
    messages: Sequence[Alert], expected: Mapping[str, Alert], done: Collection[str], context: str
) -> None:
    """None is lost or opened twice, revisions rise, copies are the same, and what people did is kept.

    Args:
        messages: of the job that was killed, those of an alert in their order.
        expected: alert id → the last revision of a job that was not.
        done: ids of the alerts that were acknowledged.
        context: said when something is wrong.
    """
    found = latest(messages)
    assert len(expected) > 10 * (VEHICLES - LASTING), context
    assert set(found) == set(expected), context
    assert {key: _written(alert) for key, alert in found.items()} == {
        key: _written(alert) for key, alert in expected.items()
    }, context
    assert {alert_id for alert_id, alert in found.items() if alert.acknowledged_by == WHO} == done, context
    assert len(done) == LASTING, context
    assert {found[alert_id].state for alert_id in done} == {"cleared"}, context
    last = {alert.alert_id: alert.revision for alert in messages}
    assert last == {alert_id: alert.revision for alert_id, alert in found.items()}, context
    copies: dict[tuple[str, int], Alert] = {}
    for alert in messages:
        if not is_lasting(alert):
            written = _written(alert)
            assert copies.setdefault((alert.alert_id, alert.revision), written) == written, context


def _written(alert: Alert) -> Alert:
    """The alert without what is up to people, and to the clock."""
    revision = 0 if is_lasting(alert) else alert.revision
    nobody = {"acknowledged_by": "", "acknowledged_at": None}
    return msgspec.structs.replace(alert, changed_at=alert.opened_at, revision=revision, **nobody)
