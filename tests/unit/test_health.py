"""A process says why it is not ready."""

from __future__ import annotations

import pytest

from dataflows.health import Health


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def health(clock: Clock) -> Health:
    return Health(clock)


def test_a_process_whose_engine_has_not_started_is_not_ready(health: Health) -> None:
    assert health.troubles({}) == ["the dataflow has not started yet"]
    health.running()
    assert health.troubles({}) == []


def test_a_connection_that_does_not_stand_is_named_with_the_reason(health: Health) -> None:
    reasons = {"fleet-source": "", "fleet-enriched-0": "Connection refused"}
    health.running()
    for name in reasons:
        health.watch(name, lambda name=name: reasons[name])  # type: ignore[misc]
    connections = health.connections()
    assert connections == reasons
    assert health.troubles(connections) == ["fleet-enriched-0: not connected: Connection refused"]
    health.forget("fleet-enriched-0")
    assert health.troubles(health.connections()) == []


def test_an_epoch_that_does_not_end_is_a_trouble_from_its_limit_on(health: Health, clock: Clock) -> None:
    health.running()
    clock.now += 60.0
    assert health.troubles({}, max_epoch_age=60.0) == []
    clock.now += 1.0
    (trouble,) = health.troubles({}, max_epoch_age=60.0)
    assert "the last completed epoch ended 61 s ago, more than monitoring.max_snapshot_age = 60" in trouble
    assert health.troubles({}) == []
    health.epoch_completed(clock.now - 5.0)
    assert health.troubles({}, max_epoch_age=60.0) == []


def test_the_epoch_that_ended_last_counts_whichever_source_reports_it(health: Health, clock: Clock) -> None:
    health.running()
    clock.now += 100.0
    health.epoch_completed(clock.now - 1.0)
    health.epoch_completed(clock.now - 90.0)
    assert health.troubles({}, max_epoch_age=60.0) == []


def test_silence_is_a_trouble_where_there_is_a_limit_and_a_source_that_may_not_be_silent(
    health: Health, clock: Clock
) -> None:
    health.running()
    clock.now += 500.0
    assert health.troubles({}, max_silence=10.0) == []
    health.heard()
    clock.now += 11.0
    assert health.troubles({}) == []
    assert health.troubles({}, max_silence=10.0) == [
        "no message for 11 s, longer than monitoring.max_silence = 10"
    ]
    health.heard()
    assert health.troubles({}, max_silence=10.0) == []
