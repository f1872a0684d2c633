"""A dataflow for tests: numbers come from one topic, pass through recovered state, and go to another.

Run as ``python -m bytewax.run tests.support.mqtt_relay``; the environment names the topics.
"""

from __future__ import annotations

import os

import bytewax.operators as op
from bytewax.dataflow import Dataflow

from config.settings import load
from dataflows.connectors.mqtt.sink import MqttSink
from dataflows.connectors.mqtt.source import MqttSource
from dataflows.messages import MessageBatch, OutgoingBatch


def _remember(seen: int | None, payload: bytes) -> tuple[int, OutgoingBatch]:
    """Set one bit per number in the state; send the number and how many different ones there were."""
    seen = (seen or 0) | 1 << int(payload)
    return seen, OutgoingBatch([""], [b"%s %d" % (payload, seen.bit_count())])


def _payloads(batch: MessageBatch) -> list[bytes]:
    return batch.payloads


mqtt = load().mqtt
flow = Dataflow("relay")
batches = op.input("input", flow, MqttSource(mqtt, [os.environ["RELAY_INPUT"]]))
numbers = op.flat_map("payloads", batches, _payloads)
keyed = op.key_on("key", numbers, lambda _: "all")
remembered = op.stateful_map("remember", keyed, _remember)
output = op.map("unkey", remembered, lambda keyed_batch: keyed_batch[1])
op.output("output", output, MqttSink(mqtt, os.environ["RELAY_OUTPUT"], role="sink"))
