"""Telemetry as a Spring fleet platform sends it, with a label per event; the same bytes for the same seed."""

from __future__ import annotations

import json
import string
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from dataflows.messages import MessageBatch
from dataflows.recordings import RecordingWriter
from tests.support.paths import REPOSITORY

CONFIGURATION = REPOSITORY / "config" / "spring-fleet.toml"
SAMPLE = REPOSITORY / "tests" / "data" / "spring-fleet.jsonl.gz"
"""The first `SAMPLE_EVENTS` of `events`, as recorded from `TOPIC`."""
SAMPLE_EVENTS = 3_000
TOPIC = "vehicle-telemetry"

VEHICLES = 10
BEGIN = 1_763_712_000_123_456_789
ROUND, STEP, JITTER = 4_000_000_000, 30_000_000, 1_000_000
"""Nanoseconds between rounds of all vehicles, between vehicles in a round, and of random jitter in both."""
LATENCY = 2_000_000, 20_000_000
"""Nanoseconds from sending to arrival. With `JITTER` less than `STEP`, so events arrive in the order sent."""
SPEED_LIMITS = {"urban": 60.0, "highway": 120.0, "rural": 90.0}
WEATHER = ("clear", "rain", "fog", "storm")
FAULTS = ("overspeed", "engine_overheat", "battery_low")
FAULT_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class LabelledEvent:
    """One message.

    Attributes:
        payload: JSON on a single line.
        arrived: microseconds since 1970.
        fault: the label: one of `FAULTS`, or none.
    """

    payload: bytes
    arrived: int
    fault: str | None


def events(count: int, seed: int = 7) -> Iterator[LabelledEvent]:
    """Events in the order in which they arrive: rounds of all vehicles, one event each.

    Every event is independent, except that the speed without a fault is kept for the next event's
    `previousSpeed` and `acceleration`.

    Args:
        count: number of events.
        seed: of the random numbers.
    """
    random = np.random.default_rng(seed)
    letters = list(string.ascii_uppercase + string.digits)
    names = ["".join(random.choice(letters, 6)) for _ in range(VEHICLES)]
    last_speeds: dict[str, float] = {}
    for position in range(count):
        turn, place = divmod(position, VEHICLES)
        name = names[place]
        sent = BEGIN + turn * ROUND + place * STEP + int(random.integers(JITTER))
        arrived = sent + int(random.integers(*LATENCY))
        road = str(random.choice(list(SPEED_LIMITS)))
        limit = SPEED_LIMITS[road]
        base = max(0.0, 0.6 * limit + float(random.normal(0.0, 10.0)))
        previous = last_speeds.get(name, base)
        last_speeds[name] = base
        fault = str(random.choice(FAULTS)) if random.random() < FAULT_SHARE else None
        speed = base
        temperature = 70.0 + float(random.normal(0.0, 5.0))
        battery = 80.0 - float(random.uniform(0.0, 0.5))
        match fault:
            case "overspeed":
                speed = limit + 50.0 + float(random.uniform(0.0, 30.0))
            case "engine_overheat":
                temperature = 110.0 + float(random.uniform(0.0, 30.0))
            case "battery_low":
                battery = 10.0 + float(random.uniform(0.0, 5.0))
        fields = {
            "vehicleId": json.dumps(name),
            "timestamp": f"{sent // 10**9}.{sent % 10**9:09d}",
            "latitude": java_double(-31.4201 + float(random.uniform(0.0, 0.01))),
            "longitude": java_double(-64.1888 + float(random.uniform(0.0, 0.01))),
            "speed": java_double(speed),
            "previousSpeed": java_double(previous),
            "acceleration": java_double(base - previous),
            "temperature": java_double(temperature),
            "battery": java_double(battery),
            "fuelLevel": java_double(100.0 - float(random.uniform(0.0, 0.8))),
            "weather": json.dumps(str(random.choice(WEATHER))),
            "roadType": json.dumps(road),
            "speedLimit": java_double(limit),
            "night": json.dumps(bool(random.random() < 0.5)),
            "trafficLevel": str(int(random.integers(1, 6))),
            "anomaly": json.dumps(fault is not None),
            "anomalyType": json.dumps(fault),
        }
        payload = "{" + ",".join(f'"{key}":{text}' for key, text in fields.items()) + "}"
        yield LabelledEvent(payload.encode(), arrived // 1000, fault)


def java_double(number: float) -> str:
    """A double as Java writes it: the fewest digits that identify it, in Java's notation."""
    if number == 0.0 or 1e-3 <= abs(number) < 1e7:
        return repr(number)
    digits, exponent = f"{Decimal(repr(number)).normalize():E}".split("E")
    return f"{digits if '.' in digits else digits + '.0'}E{int(exponent)}"


def write_sample() -> None:
    """Write the sample file: ``python -m tests.support.spring_fleet``."""
    sample = list(events(SAMPLE_EVENTS))
    payloads, arrived = [event.payload for event in sample], [event.arrived for event in sample]
    with RecordingWriter(SAMPLE) as recording:
        recording.write(MessageBatch(payloads, [TOPIC] * len(sample), arrived, f"{TOPIC}/0"))


if __name__ == "__main__":
    write_sample()
