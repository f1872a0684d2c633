"""100,000 vehicles whose alerts open: what is kept of them, in memory and on the topic of alerts, is bounded.

The guarantee: a shard keeps alerts of the vehicles that it knows, those that have cleared within
``alerts.keep_cleared``, and never more than `MOST_ALERTS`. What it no longer keeps has left the topic.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from dataflows.alert.book import MOST_ALERTS, topic_key
from dataflows.alert.shard_alerts import EVICT_EVERY, FORGET_EVERY, ShardAlerts
from dataflows.clock import SECOND
from dataflows.detector.vehicle_slots import EVICTED_SHARE
from dataflows.events import Alert
from dataflows.messages import OutgoingBatch
from scripts.fault_measurement import Measure, Measurement
from tests.support.alert_streams import alert_settings, as_scored, decode, events

FEW, VEHICLES = 20_000, 100_000
KNOWN = 2_000
"""``detector.vehicles``, of the one shard that has all vehicles."""

AT_ONCE = 100
"""Vehicles that are new in each second; each sends three events, a second apart, and then never again."""

EVENTS_EACH = 3
KEEP_CLEARED = 60
SIGNALS = {"coolant": {"high": 110.0}, "voltage": {"low": 11.5}}
FAULTY, NORMAL = (120.0, 11.0), (90.0, 13.0)
FLEET = [f"VEH-{number}" for number in range(VEHICLES)]
STEADY = "STEADY"
"""A vehicle that is there all the time, and has no fault: the time of a shard is that of its vehicles."""

KIBIBYTE = 2**10
MORE_MEMORY = 1.1
"""How many times as much memory five times the vehicles may take."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


class Topic:
    """What a broker keeps of the messages: the latest of each topic or key, unless it is empty.

    Args:
        vehicles: all that will have alerts.

    Attributes:
        retained: topic or key → payload.
        most: how many there were at most.
        without: the vehicles that have had no alert yet; it only shrinks, as memory is measured.
    """

    def __init__(self, vehicles: Sequence[str]) -> None:
        self.retained: dict[str, bytes] = {}
        self.most = 0
        self.without = set(vehicles)

    def take(self, messages: OutgoingBatch | None) -> None:
        """Take in what a shard publishes; only what is there may be removed."""
        for key, payload in (
            zip(messages.keys, messages.payloads, strict=True) if messages is not None else ()
        ):
            if payload:
                self.retained[key] = payload
                self.without.discard(key.split("/")[0])
            else:
                del self.retained[key]
            self.most = max(self.most, len(self.retained))

    def alerts(self) -> list[Alert]:
        """What is there."""
        return [decode(payload) for payload in self.retained.values()]


def fold(
    alerts: ShardAlerts, topic: Topic, vehicles: Sequence[str], second: int, values: Sequence[float]
) -> None:
    """One event of each of these vehicles, and of the steady one."""
    seen = [*vehicles, STEADY]
    batch = events(seen, [second] * len(seen), [values] * len(vehicles) + [NORMAL])
    topic.take(alerts.fold(as_scored(batch)))


def seen_briefly(alerts: ShardAlerts, topic: Topic, first: int, last: int) -> None:
    """Vehicles from `first` to before `last` come and go, each with a fault from its first event on."""
    for second in range(first // AT_ONCE, last // AT_ONCE):
        earliest = max(second - EVENTS_EACH + 1, 0)
        fold(alerts, topic, FLEET[earliest * AT_ONCE : (second + 1) * AT_ONCE], second, FAULTY)


def check_topic(alerts: ShardAlerts, topic: Topic) -> None:
    """On the topic is what is in memory."""
    kept = {topic_key((alert.vehicle_id, alert.kind, alert.subject)) for alert in alerts.book}
    assert set(topic.retained) == kept
    assert {alert.alert_id for alert in topic.alerts()} == {alert.alert_id for alert in alerts.book}


@contextmanager
def traced() -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
    finally:
        tracemalloc.stop()


def traced_peak() -> int:
    """Bytes allocated at most since the last call."""
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()
    return peak


def test_alerts_of_vehicles_that_never_come_back_fill_neither_memory_nor_topic(measure: Measure) -> None:
    """Alerts of a vehicle that is forgotten clear; when it is long ago, they leave the topic."""
    settings = alert_settings(SIGNALS, vehicles=KNOWN, keep_cleared=float(KEEP_CLEARED), silent_after=30.0)
    alerts, topic = ShardAlerts(settings), Topic(FLEET)
    with traced():
        seen_briefly(alerts, topic, 0, FEW)
        few, retained_of_few = traced_peak(), topic.most
        seen_briefly(alerts, topic, FEW, VEHICLES)
        many = traced_peak()
    check_topic(alerts, topic)
    assert not topic.without

    known = KNOWN + KNOWN // EVICTED_SHARE + EVICT_EVERY
    cleared = AT_ONCE * (KEEP_CLEARED + FORGET_EVERY // SECOND + 1)
    per_vehicle = len(SIGNALS) + 1  # the limits, and silence
    assert topic.most <= per_vehicle * (known + cleared)
    assert topic.most == pytest.approx(retained_of_few, rel=MORE_MEMORY - 1.0)
    assert many < MORE_MEMORY * few
    each = f"{many / topic.most / KIBIBYTE:.1f} KiB each with what is on the topic"
    measure(
        Measurement(
            f"alerts of {VEHICLES:,} vehicles seen briefly, {KNOWN:,} known",
            VEHICLES * EVENTS_EACH,
            len(topic.without),
            0,
            note=f"at most {topic.most:,} alerts kept, {each}",
        )
    )

    end = VEHICLES // AT_ONCE
    for second in range(end, end + KEEP_CLEARED + 4 * FORGET_EVERY // SECOND):
        fold(alerts, topic, [], second, FAULTY)
    check_topic(alerts, topic)
    assert {alert.state for alert in topic.alerts()} == {"open"}
    assert len({alert.vehicle_id for alert in topic.alerts()}) <= known


def test_a_storm_of_more_alerts_than_a_shard_keeps_leaves_as_many_as_it_may() -> None:
    """Twice as many open as there may be: the oldest leave the topic, and all do when it is over."""
    settings = alert_settings(
        SIGNALS, vehicles=2 * VEHICLES, keep_cleared=float(KEEP_CLEARED), silent_after=None
    )
    alerts, topic = ShardAlerts(settings), Topic(FLEET)
    fold(alerts, topic, FLEET, 0, NORMAL)
    assert topic.retained == {}
    fold(alerts, topic, FLEET, 1, FAULTY)
    assert not topic.without
    assert topic.most == MOST_ALERTS + 1  # the one that is too many is removed in the next message
    assert len(topic.retained) == MOST_ALERTS
    check_topic(alerts, topic)
    cleared = 2 + int(settings.alerts.clear_after)
    fold(alerts, topic, FLEET, cleared, NORMAL)
    assert {alert.state for alert in topic.alerts()} == {"cleared"}
    check_topic(alerts, topic)
    for second in range(cleared, cleared + KEEP_CLEARED + 3 * FORGET_EVERY // SECOND):
        fold(alerts, topic, FLEET[:100], second, NORMAL)
    assert topic.retained == {}
    assert len(alerts.book) == 0
