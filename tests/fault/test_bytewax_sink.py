"""Why there is a sink of our own: Bytewax's loses what cannot be delivered, and says nothing."""

from __future__ import annotations

import bytewax.operators as op
import pytest
from bytewax.connectors.kafka import KafkaSink as BytewaxKafkaSink
from bytewax.connectors.kafka import KafkaSinkMessage
from bytewax.dataflow import Dataflow
from bytewax.errors import BytewaxRuntimeError
from bytewax.testing import TestingSource, run_main

from config.errors import DeliveryError
from dataflows.connectors.kafka.sink import KafkaSink
from dataflows.messages import OutgoingBatch
from scripts.brokers.kafka_process import KafkaBroker, StartKafka
from tests.support.kafka_clients import create_topic
from tests.support.kafka_fleet import end_offsets

TOPIC = "enriched"
PAYLOADS = [b"%d" % n for n in range(100)]
TIMEOUT = 2.0
"""Seconds for which the sinks try to deliver; the broker is away for longer."""


def flow_to_bytewax(broker: KafkaBroker) -> Dataflow:
    flow = Dataflow("bytewax")
    messages = [KafkaSinkMessage(key=None, value=payload) for payload in PAYLOADS]
    options = {"message.timeout.ms": str(round(TIMEOUT * 1000)), "log_level": "0"}
    stream = op.input("in", flow, TestingSource(messages, batch_size=100))
    op.output("out", stream, BytewaxKafkaSink([broker.cluster.bootstrap], TOPIC, add_config=options))
    return flow


def flow_to_ours(broker: KafkaBroker) -> Dataflow:
    flow = Dataflow("ours")
    batches = [OutgoingBatch([""], [payload]) for payload in PAYLOADS]
    stream = op.input("in", flow, TestingSource(batches, batch_size=10))
    settings = broker.cluster.settings(delivery_timeout=TIMEOUT)
    op.output("out", stream, KafkaSink(settings, TOPIC, role="sink"))
    return flow


@pytest.mark.slow
def test_bytewaxs_own_sink_drops_what_is_not_delivered_in_time_and_ends_as_if_all_were_well(
    kafka: StartKafka,
) -> None:
    """Should this fail one day, our sink has lost its reason to be."""
    broker = kafka()
    create_topic(broker.cluster, TOPIC)
    broker.stop()
    run_main(flow_to_bytewax(broker))
    broker.start()
    assert sum(end_offsets(broker.cluster, TOPIC)) == 0


@pytest.mark.slow
def test_our_sink_ends_the_job_instead_so_that_it_goes_on_at_its_last_snapshot(kafka: StartKafka) -> None:
    broker = kafka()
    create_topic(broker.cluster, TOPIC)
    flow = flow_to_ours(broker)
    broker.stop()
    with pytest.raises(BytewaxRuntimeError) as raised:
        run_main(flow)
    root: BaseException = raised.value
    while root.__cause__ is not None:
        root = root.__cause__
    assert isinstance(root, DeliveryError)
    broker.start()
    run_main(flow_to_ours(broker))
    assert sum(end_offsets(broker.cluster, TOPIC)) >= len(PAYLOADS)
