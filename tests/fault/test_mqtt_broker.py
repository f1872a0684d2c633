"""What the job promises when its MQTT broker goes down, and what the broker does not.

The guarantee, for mosquitto with ``config/mosquitto.conf``: stopped and started again, it costs nothing, and
the job goes on by itself. A crash of the broker costs what it had confirmed, to vehicles or to the job, and
neither passed on nor written to ``mosquitto.db``, that is at most what came since ``autosave_interval``:
nobody who is connected to it can help that. A backlog that was written is not lost, nothing is that it
confirms after the crash, and the job goes on by itself. If the session of the job was not in that file, what
is published is kept from when the job has subscribed again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from scripts.brokers.mosquitto import Mosquitto, StartMosquitto
from scripts.fault_measurement import Measure
from tests.support.numbered_stream import Stream
from tests.support.telemetry import telemetry

EVENTS = 4_000
VEHICLES = 20
RATE = 500.0
"""Events a second."""

RESTARTS = 3

pytestmark = pytest.mark.timeout(300)


@contextmanager
def stream_over(broker: Mosquitto, topic: str, directory: Path) -> Iterator[tuple[Stream, list[bytes]]]:
    """A stream and what its vehicles are to publish."""
    mqtt = broker.settings()
    payloads = telemetry(EVENTS, VEHICLES, equal_times=True)
    with Stream(mqtt, mqtt, directory, topic, payloads, VEHICLES) as stream:
        yield stream, payloads


def restart(broker: Mosquitto) -> None:
    """In good order; this also has it write its file."""
    broker.stop()
    broker.start()


@pytest.mark.long
def test_a_broker_that_is_restarted_in_mid_stream_costs_no_event_and_the_job_goes_on_by_itself(
    mosquitto: StartMosquitto, topic: str, tmp_path: Path, measure: Measure
) -> None:
    """Three restarts while events arrive: every confirmed event comes out, and the job never ends."""
    broker = mosquitto()
    with stream_over(broker, topic, tmp_path) as (stream, payloads):
        stream.start()
        stream.vehicles.send(EVENTS, RATE)
        for number in range(1, RESTARTS + 1):
            stream.wait_for_output(EVENTS * number // (RESTARTS + 1))
            restart(broker)
            stream.outage_is_over()
        stream.wait_for_output(EVENTS)
        stream.vehicles.wait()
        cost = stream.cost(f"MQTT broker restarted {RESTARTS} times in mid-stream")
        measure(cost)
        assert cost.lost == 0
        assert stream.vehicles.confirmed() == payloads
        assert stream.last_words == []


@pytest.mark.slow
def test_a_broker_that_crashes_in_mid_stream_costs_nothing_of_what_it_confirms_afterwards(
    mosquitto: StartMosquitto, topic: str, tmp_path: Path, measure: Measure
) -> None:
    """The job survives it, and so do vehicles that publish again what was not confirmed to them."""
    broker = mosquitto()
    with stream_over(broker, topic, tmp_path) as (stream, payloads):
        stream.start()
        stream.vehicles.send(EVENTS * 3 // 4, RATE)
        stream.wait_for_output(EVENTS // 4)
        restart(broker)
        written = len(stream.vehicles.confirmed())
        stream.wait_for_output(EVENTS // 2)
        broker.kill()
        crashed = stream.vehicles.sent
        broker.start()
        stream.outage_is_over()
        stream.vehicles.send(EVENTS)
        stream.vehicles.wait()
        stream.wait_for(payloads[crashed:])
        cost = stream.cost("MQTT broker SIGKILLed in mid-stream, job running")
        note = f"{crashed - written} since mosquitto.db was written; of these are what is lost"
        measure(msgspec.structs.replace(cost, note=note))
        assert stream.last_words == []


@pytest.mark.slow
def test_a_broker_that_crashes_while_the_job_is_down_forgets_only_what_it_had_not_written(
    mosquitto: StartMosquitto, topic: str, tmp_path: Path, measure: Measure
) -> None:
    """A backlog, of which the second third is not in the file when the broker dies: the others come out."""
    broker = mosquitto()
    third = EVENTS // 3
    with stream_over(broker, topic, tmp_path) as (stream, payloads):
        stream.vehicles.send(third)
        stream.vehicles.wait()
        restart(broker)
        stream.vehicles.send(third)
        stream.vehicles.wait()
        broker.kill()
        broker.start()
        stream.vehicles.send(EVENTS)
        stream.vehicles.wait()
        stream.start()
        stream.outage_is_over()
        stream.wait_for(payloads[:third] + payloads[2 * third :])
        cost = stream.cost("MQTT broker SIGKILLed with a backlog, job not running")
        note = f"{third} since mosquitto.db was written; these are what is lost"
        measure(msgspec.structs.replace(cost, note=note))
        assert cost.lost <= third


@pytest.mark.slow
def test_a_job_whose_session_a_broker_has_forgotten_subscribes_again(
    mosquitto: StartMosquitto, topic: str, tmp_path: Path, measure: Measure
) -> None:
    """A crash before the file was written for the first time: what is published afterwards comes out."""
    broker = mosquitto()
    with stream_over(broker, topic, tmp_path) as (stream, payloads):
        stream.start()
        stream.vehicles.send(1)
        stream.wait_for_output(1)
        broker.kill()
        broker.start()
        sign = f"subscribed to {stream.job.telemetry}"
        stream.wait(lambda: stream.job.last_log.count(sign) == 2, "second subscription")
        assert stream.job.last_log.count(f"(new session), {sign}") == 1
        stream.wait(lambda: stream.inbox.sessions == 2, "second session of the consumer")
        stream.outage_is_over()
        stream.vehicles.send(EVENTS)
        stream.wait_for(payloads[1:])
        stream.vehicles.wait()
        measure(stream.cost("MQTT broker SIGKILLed before it has written any session"))
        assert stream.last_words == []
