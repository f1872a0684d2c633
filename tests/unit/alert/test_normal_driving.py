"""What is normal on the road opens no anomaly alert: cold starts, refuelling, standing still."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import msgspec
import numpy as np
import pytest

from benchmarks.fleet.alerting import Alerting
from config.settings import load
from dataflows.decode import Decoded, Decoder
from dataflows.events import Alert
from dataflows.messages import MessageBatch
from sim.fleet import Fleet

pytestmark = pytest.mark.long

START = datetime(2026, 1, 1, tzinfo=UTC)
VEHICLES = 8
STEPS = 2400
AWAY, BACK = 1000, 1700
"""Steps from and to which vehicles are away that come back with a full tank or a cold engine."""

REFUELLED, COLD, PARKED, BROKEN = range(4)
"""Vehicles."""

Event = dict[str, Any]

_state: dict[str, Event] = {}
"""The event with which the parked vehicle came to a stand."""


def name(vehicle: int) -> str:
    return f"VEH-{vehicle + 1:04d}"


def changed(vehicle: int, step: int, event: Event, random: np.random.Generator) -> Event | None:
    """The event as it would be in the vehicle's situation; ``None`` while it is away."""
    if vehicle in (REFUELLED, COLD) and AWAY <= step < BACK:
        return None
    if vehicle == REFUELLED and step >= BACK:
        event["fuel"] = min(event["fuel"] + 35.0, 100.0)
    if vehicle == COLD and step >= BACK:
        below = (event["engine_temperature"] - 20.0) * np.exp((BACK - step) / 120.0)
        event["engine_temperature"] = round(float(event["engine_temperature"] - below), 1)
    if vehicle == BROKEN and 2000 <= step < 2100:
        event["rpm"] = int(event["rpm"] + 4000)
    if vehicle == PARKED and "standing" in _state and step >= 1500:
        standing = _state["standing"]
        event |= {key: standing[key] for key in ("speed", "fuel", "speed_limit")}
        event["acceleration"] = round(float(random.normal(scale=0.04)), 2)
        event["rpm"] = int(standing["rpm"] + random.normal(scale=8.0))
        event["throttle"] = round(float(standing["throttle"] + random.normal(scale=0.3)), 1)
    elif vehicle == PARKED and step >= 1500 and event["speed"] == 0.0:
        _state["standing"] = dict(event)
    return event


def stream() -> Iterator[MessageBatch]:
    fleet = Fleet(
        vehicles=VEHICLES, rate=1.0, seed=3, faults_per_hour=0.0, latitude=48.0, longitude=11.0, start=START
    )
    random = np.random.default_rng(0)
    _state.clear()
    for step, each in enumerate(islice(fleet.steps(), STEPS)):
        events = [changed(v, step, msgspec.json.decode(p), random) for v, p in enumerate(each.payloads)]
        sent = [msgspec.json.encode(event) for event in events if event is not None]
        yield MessageBatch(sent, ["fleet/telemetry/any"] * len(sent), [0] * len(sent), "sim")


@pytest.fixture(scope="module")
def anomalies() -> dict[str, list[Alert]]:
    """Openings of anomaly alerts by vehicle."""
    settings = load()
    # One shard: what is said of a vehicle in company, of whom enough is known.
    one = settings.detector.model_copy(update={"shards": 1})
    settings = settings.model_copy(update={"detector": one})
    decoder = Decoder.of(settings)
    found: dict[str, list[Alert]] = defaultdict(list)
    batches: Iterator[Decoded] = map(decoder.decode, stream())
    for alert in Alerting(settings).revisions(batches):
        if alert.kind == "anomaly" and alert.revision == 1:
            found[alert.vehicle_id].append(alert)
    return found


def test_a_fault_is_an_anomaly(anomalies: dict[str, list[Alert]]) -> None:
    """Otherwise the other tests would say nothing."""
    assert [alert.subject for alert in anomalies[name(BROKEN)]][:1] == ["rpm"]


def test_the_first_minutes_open_no_alert(anomalies: dict[str, list[Alert]]) -> None:
    opened = [alert.opened_at for alerts in anomalies.values() for alert in alerts]
    assert all((at - START).total_seconds() > 600.0 for at in opened)


def test_refuelling_opens_no_alert(anomalies: dict[str, list[Alert]]) -> None:
    assert anomalies[name(REFUELLED)] == []


def test_a_cold_start_opens_no_alert(anomalies: dict[str, list[Alert]]) -> None:
    assert anomalies[name(COLD)] == []


def test_a_vehicle_that_stands_still_opens_no_alert(anomalies: dict[str, list[Alert]]) -> None:
    assert "standing" in _state
    assert anomalies[name(PARKED)] == []


def test_normal_driving_opens_next_to_no_alerts(anomalies: dict[str, list[Alert]]) -> None:
    others = [alert for vehicle in range(BROKEN + 1, VEHICLES) for alert in anomalies[name(vehicle)]]
    assert len(others) <= 1
