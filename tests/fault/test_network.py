"""What the job promises when the network to its MQTT broker hangs or breaks: nothing is lost.

The guarantee: every message that the broker has confirmed to a vehicle is in the enriched topic at least
once, however long job and broker do not hear of each other, whether what was on its way arrives late or
never, and however often the connections break.
A job that has waited for ``mqtt.delivery_timeout`` for the broker to confirm what it publishes ends with one
line that says so, and then has to be started again; before that it waits and goes on.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from scripts.brokers.mosquitto import StartMosquitto
from scripts.fault_measurement import Measure
from tests.support.numbered_stream import Stream
from tests.support.tcp_proxy import TcpProxy
from tests.support.telemetry import telemetry

VEHICLES = 20
RATE = 200.0
"""Events a second, before, while and after the network hangs."""

BEFORE, AFTER = 3, 3
"""Seconds of it."""

QUICK_KEEPALIVE, USUAL_KEEPALIVE = 1, 30
"""Seconds; the job notices what hangs after twice that."""

BREAKS = 20
EVENTS_OF_BREAKS = 6_000
RATE_OF_BREAKS = 1_000.0

SLOW = [pytest.mark.slow, pytest.mark.timeout(600)]

pytestmark = pytest.mark.timeout(300)

Way = Literal["late", "never"]


@pytest.mark.parametrize("arriving", [pytest.param("late", marks=pytest.mark.slow), "never"])
@pytest.mark.parametrize(
    ("seconds", "keepalive"),
    [
        pytest.param(5, QUICK_KEEPALIVE, marks=SLOW),
        pytest.param(30, USUAL_KEEPALIVE, marks=SLOW),
        pytest.param(120, USUAL_KEEPALIVE, marks=SLOW),
    ],
)
def test_a_network_that_hangs_costs_no_event(
    mosquitto: StartMosquitto,
    topic: str,
    tmp_path: Path,
    measure: Measure,
    seconds: int,
    keepalive: int,
    arriving: Way,
) -> None:
    """All connections of the job hang while events arrive at the broker, and no side learns of it.

    Then what was under way arrives, on connections that one side may have given up, or it is gone and the
    connections are dead. A job that waits less than its ``delivery_timeout`` does not end.
    """
    broker = mosquitto()
    direct = broker.settings()
    payloads = telemetry(int(RATE) * (BEFORE + seconds + AFTER), VEHICLES, equal_times=True)
    with TcpProxy(broker.port) as network:
        mqtt = direct.model_copy(update={"port": network.port, "keepalive": keepalive})
        with Stream(mqtt, direct, tmp_path, topic, payloads, VEHICLES) as stream:
            stream.start()
            stream.vehicles.send(len(payloads), RATE)
            stream.wait_for_output(int(RATE) * BEFORE)
            if arriving == "late":
                network.freeze()
            else:
                network.black_hole()
            stream.stay(seconds)
            network.thaw()
            stream.outage_is_over()
            stream.vehicles.wait()
            stream.wait_for_output(len(payloads))
            ended = "; the job ended and was started again" if stream.last_words else ""
            cost = stream.cost(
                f"network to the MQTT broker half-open for {seconds} s",
                f"keepalive {keepalive} s, what was under way arrived {arriving}{ended}",
            )
            measure(cost)
            assert cost.lost == 0
            assert stream.last_words == [] or seconds > mqtt.delivery_timeout


@pytest.mark.slow
def test_a_network_that_breaks_again_and_again_costs_no_event(
    mosquitto: StartMosquitto, topic: str, tmp_path: Path, measure: Measure
) -> None:
    """All connections are reset while events and confirmations are under way, and come again."""
    broker = mosquitto()
    direct = broker.settings()
    payloads = telemetry(EVENTS_OF_BREAKS, VEHICLES, equal_times=True)
    with TcpProxy(broker.port) as network:
        mqtt = direct.model_copy(update={"port": network.port})
        with Stream(mqtt, direct, tmp_path, topic, payloads, VEHICLES) as stream:
            stream.start()
            stream.vehicles.send(len(payloads), RATE_OF_BREAKS)
            for number in range(1, BREAKS + 1):
                stream.wait_for_output(EVENTS_OF_BREAKS * number // (BREAKS + 1))
                stream.wait(lambda: network.cut() > 0, "a connection to cut")
                stream.outage_is_over()
            stream.vehicles.wait()
            stream.wait_for_output(len(payloads))
            cost = stream.cost(f"network to the MQTT broker broken {BREAKS} times in mid-stream")
            measure(cost)
            assert cost.lost == 0
            assert stream.last_words == []
