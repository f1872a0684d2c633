"""Source and sink in dataflows that Bytewax runs, one of them killed again and again."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import bytewax.operators as op
import pytest
from bytewax.dataflow import Dataflow
from bytewax.errors import BytewaxRuntimeError
from bytewax.testing import TestingSink, TestingSource, run_main

from config.broker_settings import MqttSettings
from config.errors import BrokerError
from dataflows.connectors.mqtt.sink import MqttSink
from dataflows.connectors.mqtt.source import MqttSource, MqttSourcePartition
from dataflows.messages import MessageBatch, OutgoingBatch
from dataflows.stored_state import Stored
from scripts.brokers.ports import free_port
from scripts.brokers.process import Broker
from tests.support.mqtt_clients import Inbox, create_session, publish
from tests.support.paths import REPOSITORY


class EndingSource(MqttSource):
    """The source, but it ends after a number of messages: a dataflow in a test has to end."""

    def __init__(self, settings: MqttSettings, filters: list[str], messages: int) -> None:
        super().__init__(settings, filters)
        self._arguments = (settings, filters, "source")
        self._messages = messages

    def build_part(self, step_id: str, for_part: str, resume_state: Stored | None) -> MqttSourcePartition:
        return _EndingPartition(*self._arguments, self._messages)


class _EndingPartition(MqttSourcePartition):
    def __init__(self, settings: MqttSettings, filters: list[str], role: str, messages: int) -> None:
        super().__init__(settings, filters, role)
        self._left = messages

    def next_batch(self) -> list[MessageBatch]:
        if self._left <= 0:
            raise StopIteration
        batches = super().next_batch()
        self._left -= sum(map(len, batches))
        return batches


def numbers(count: int) -> list[bytes]:
    return [b"%d" % n for n in range(count)]


def test_messages_go_through_a_dataflow_once_and_in_order(durable_broker: Broker, topic: str) -> None:
    mqtt = durable_broker.settings()
    create_session(mqtt, f"{mqtt.client_id}-source", topic)
    publish(mqtt, [(topic, payload) for payload in numbers(2000)])
    batches: list[MessageBatch] = []
    flow = Dataflow("in")
    op.output("out", op.input("in", flow, EndingSource(mqtt, [topic], 2000)), TestingSink(batches))
    run_main(flow)
    assert [payload for batch in batches for payload in batch.payloads] == numbers(2000)


def test_a_dataflow_acknowledges_at_the_end_of_its_epochs_without_recovery(
    durable_broker: Broker, topic: str
) -> None:
    # Ten may be unacknowledged, so a hundred come only if the epochs' ends acknowledge.
    mqtt = durable_broker.settings(queue_size=10)
    create_session(mqtt, f"{mqtt.client_id}-source", topic)
    publish(mqtt, [(topic, payload) for payload in numbers(100)])
    batches: list[MessageBatch] = []
    flow = Dataflow("in")
    op.output("out", op.input("in", flow, EndingSource(mqtt, [topic], 100)), TestingSink(batches))
    run_main(flow, epoch_interval=timedelta(milliseconds=10))
    assert [payload for batch in batches for payload in batch.payloads] == numbers(100)


def test_a_dataflow_publishes_everything_that_reaches_its_sink(broker: Broker, topic: str) -> None:
    outgoing = [OutgoingBatch(keys=["a", "b"], payloads=[b"%d" % n, b"%d" % -n]) for n in range(100)]
    flow = Dataflow("out")
    stream = op.input("in", flow, TestingSource(outgoing, batch_size=7))
    op.output("out", stream, MqttSink(broker.settings(), topic, role="sink", by_key=True))
    with Inbox(broker.settings(), f"{topic}/a") as inbox:
        run_main(flow)
        assert inbox.wait_for(100) == numbers(100)


@pytest.mark.parametrize("end", ["source", "sink"])
def test_without_a_broker_a_dataflow_ends_and_our_error_is_the_root_of_bytewaxs(
    broker: Broker, topic: str, end: str
) -> None:
    mqtt = broker.settings(port=free_port(), connect_timeout=0.2)
    flow = Dataflow("unreachable")
    if end == "source":
        op.output("out", op.input("in", flow, MqttSource(mqtt, [topic])), TestingSink([]))
    else:
        stream = op.input("in", flow, TestingSource([OutgoingBatch([], [])]))
        op.output("out", stream, MqttSink(mqtt, topic, role="sink"))
    with pytest.raises(BytewaxRuntimeError) as raised:
        run_main(flow)
    root: BaseException = raised.value
    while root.__cause__ is not None:
        root = root.__cause__
    assert isinstance(root, BrokerError)


@contextmanager
def relay(mqtt: MqttSettings, topic: str, recovery: Path, *arguments: str) -> Iterator[None]:
    """The relay in its own process; killed without warning when the context ends."""
    environment = os.environ | {
        "FLEET__MQTT__PORT": str(mqtt.port),
        "FLEET__MQTT__CLIENT_ID": mqtt.client_id,
        "FLEET__MQTT__PROTOCOL": mqtt.protocol,
        "RELAY_INPUT": f"{topic}/in",
        "RELAY_OUTPUT": f"{topic}/out",
    }
    command = [sys.executable, "-m", "bytewax.run", "tests.support.mqtt_relay", "-s", "1", "-b", "0"]
    with (recovery / "relay.log").open("ab") as log:
        process = subprocess.Popen(
            [*command, "-r", str(recovery), *arguments],
            cwd=REPOSITORY,
            env=environment,
            stdout=log,
            stderr=log,
        )
        try:
            yield
            assert process.poll() is None, (recovery / "relay.log").read_text()
        finally:
            process.kill()
            process.wait()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_job_that_is_killed_loses_nothing_neither_in_output_nor_in_state(
    durable_broker: Broker, topic: str, tmp_path: Path, workers: str
) -> None:
    count = 2000
    mqtt = durable_broker.settings()
    subprocess.run([sys.executable, "-m", "bytewax.recovery", str(tmp_path), "1"], check=True)
    create_session(mqtt, f"{mqtt.client_id}-source", f"{topic}/in")
    with Inbox(mqtt, f"{topic}/out") as inbox:
        for start in range(0, count, 1000):
            publish(mqtt, [(f"{topic}/in", b"%d" % n) for n in range(start, start + 1000)])
            with relay(mqtt, topic, tmp_path, "-w", workers):
                inbox.wait_for(len(inbox.messages) + 400)
        with relay(mqtt, topic, tmp_path, "-w", workers):
            # After the last kill the rest arrives; a new number at the end sees the whole state.
            publish(mqtt, [(f"{topic}/in", b"%d" % count)])
            while b"%d %d" % (count, count + 1) not in inbox.wait_for(len(inbox.messages) + 1):
                pass
        assert {int(payload.split()[0]) for _, payload in inbox.messages} == set(range(count + 1))
