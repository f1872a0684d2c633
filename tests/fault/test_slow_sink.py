"""What the job promises when the broker takes its output slowly, or not at all, or only now and then.

The guarantee: every message that the broker has confirmed to a vehicle is in the enriched topic at least
once. With MQTT 5 the job holds at most ``mqtt.queue_size`` messages that it has not acknowledged, whatever
waits at the broker, and its memory does not grow with that. A sink to which nothing is confirmed for
``mqtt.delivery_timeout`` ends the job with one line that says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from scripts.brokers.mosquitto import StartMosquitto
from scripts.fault_measurement import Measure
from tests.support.numbered_stream import Stream
from tests.support.tcp_proxy import TcpProxy
from tests.support.telemetry import telemetry

VEHICLES = 20
SOURCE, SINK = b"-source", b"-enriched-"
"""What is in the client ids of the connections."""

QUEUE_SIZE = 500
"""Messages that the job may have received and not acknowledged."""

PADDING = 10_000
"""Bytes by which a message is longer than usual."""

ENVELOPE = 100
"""Bytes around a payload on the wire, at most: topic, packet identifier, lengths."""

MEMORY = 50.0
"""MiB by which the job may grow, at most; the backlog is longer."""

pytestmark = pytest.mark.timeout(300)


class SlowSink(NamedTuple):
    """A stream whose job has a network of its own.

    Attributes:
        stream: whose vehicles are to publish the payloads.
        payloads: of about the same length.
        network: between the job and the broker.
    """

    stream: Stream
    payloads: list[bytes]
    network: TcpProxy


@contextmanager
def slow_sink(
    mosquitto: StartMosquitto, topic: str, directory: Path, events: int, padding: int = 0, **settings: Any
) -> Iterator[SlowSink]:
    """A stream of so many events, whose job has these settings of ``[mqtt]``."""
    broker = mosquitto()
    direct = broker.settings()
    more = b',"log":"' + b"x" * padding + b'"}'
    payloads = [payload[:-1] + more for payload in telemetry(events, VEHICLES)]
    with TcpProxy(broker.port) as network:
        mqtt = direct.model_copy(update={"port": network.port, **settings})
        with Stream(mqtt, direct, directory, topic, payloads, VEHICLES) as stream:
            yield SlowSink(stream, payloads, network)


@pytest.mark.slow
def test_a_sink_that_is_slow_costs_no_event_and_the_memory_does_not_grow_with_what_waits(
    mosquitto: StartMosquitto, topic: str, tmp_path: Path, measure: Measure
) -> None:
    """What the sink is given crawls while a backlog of several times the job's allowance is published."""
    usual, events = 1_000, 15_000
    with slow_sink(mosquitto, topic, tmp_path, events, PADDING, queue_size=QUEUE_SIZE) as (
        stream,
        payloads,
        network,
    ):
        stream.start()
        stream.vehicles.send(usual)
        stream.wait_for_output(usual)
        before = stream.job.peak_memory_mib
        network.throttle(100_000, SINK)
        stream.vehicles.send(events)
        stream.wait(lambda: len(stream.vehicles.confirmed()) == events, "a backlog at the broker")
        waiting = events - stream.inbox.distinct()
        network.throttle()
        stream.outage_is_over()
        stream.wait_for_output(events)
        grown = stream.job.peak_memory_mib - before
        backlog = waiting * len(payloads[0]) / 2**20
        cost = stream.cost("sink slow", f"backlog {backlog:.0f} MiB, memory grew by {grown:.0f} MiB")
        measure(cost)
        assert cost.lost == 0
        assert stream.last_words == []
        assert grown < MEMORY < backlog


@pytest.mark.slow
def test_a_sink_that_is_blocked_ends_the_job_in_one_line_and_costs_no_event(
    mosquitto: StartMosquitto, topic: str, tmp_path: Path, measure: Measure
) -> None:
    """Nothing is confirmed to the sink for longer than ``delivery_timeout``, while events arrive.

    Until it ends the job is sent what it may have unacknowledged and not one message more. It is
    started again while the sink is still blocked, and waits.
    """
    events = 5_000
    with slow_sink(mosquitto, topic, tmp_path, events, queue_size=QUEUE_SIZE, delivery_timeout=5.0) as (
        stream,
        payloads,
        network,
    ):
        stream.start()
        network.freeze(SINK)
        stream.vehicles.send(events)
        shortest, longest = min(map(len, payloads)), max(map(len, payloads))
        stream.wait(lambda: network.delivered(SOURCE) >= QUEUE_SIZE * shortest, "what the job may hold")
        stream.wait(lambda: len(stream.vehicles.confirmed()) == events, "a backlog at the broker")
        assert network.delivered(SOURCE) <= QUEUE_SIZE * (longest + ENVELOPE)
        assert stream.last_words == []
        stream.wait(lambda: stream.last_words, "end of the job")
        assert "confirmed none of" in stream.last_words[0]
        assert "delivery_timeout" in stream.last_words[0]
        held = 1  # of the run that has ended: the broker is not told
        stream.wait(lambda: network.connections(SINK) > held, "the job once more")
        network.thaw()
        stream.outage_is_over()
        stream.wait_for_output(events)
        cost = stream.cost("sink blocked for longer than delivery_timeout", "the job ended once")
        measure(cost)
        assert cost.lost == 0
        assert len(stream.last_words) == 1


@pytest.mark.parametrize(
    "failures", [pytest.param(10, marks=pytest.mark.long), pytest.param(100, marks=pytest.mark.slow)]
)
def test_a_sink_that_fails_and_recovers_again_and_again_costs_no_event(
    mosquitto: StartMosquitto, topic: str, tmp_path: Path, measure: Measure, failures: int
) -> None:
    """Its connection is reset while it writes; it makes another and writes again what is unconfirmed."""
    events = 400 * failures
    with slow_sink(mosquitto, topic, tmp_path, events, queue_size=QUEUE_SIZE) as (stream, _, network):
        stream.start()
        stream.vehicles.send(events, rate=1_000.0)
        for number in range(1, failures + 1):
            stream.wait_for_output(events * number // (failures + 1))
            stream.wait(lambda: network.cut(SINK) == 1, "a connection to cut")
            stream.outage_is_over()
        stream.wait_for_output(events)
        stream.vehicles.wait()
        cost = stream.cost(f"sink failed and recovered {failures} times")
        measure(cost)
        assert cost.lost == 0
        assert stream.last_words == []
