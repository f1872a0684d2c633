"""The connectors that the settings select: the source of a flow and its sinks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import bytewax.operators as op
from bytewax.dataflow import Stream
from bytewax.inputs import FixedPartitionedSource

from config.errors import SettingsError
from config.settings import Settings
from dataflows.connectors.files import JsonLinesSink, RecordingSource
from dataflows.connectors.kafka.sink import KafkaSink
from dataflows.connectors.kafka.source import KafkaSource
from dataflows.connectors.mqtt.sink import ByKey, MqttSink
from dataflows.connectors.mqtt.source import MqttSource
from dataflows.messages import MessageBatch, OutgoingBatch
from dataflows.recordings import TableOptions

SOURCE = "source"


def telemetry_source(settings: Settings, role: str = SOURCE) -> FixedPartitionedSource[MessageBatch, Any]:
    """The source that ``[source]`` selects.

    Args:
        settings: all settings.
        role: what reads it; each role has its own session (MQTT) or consumer group (Kafka).

    Raises:
        SettingsError: a recording is to be played, but none is set.
        RecordingError: the recording cannot be read.
        BrokerError: Kafka cannot be reached, or has no such topic.
    """
    if settings.source.kind == "mqtt":
        # Without a time in the payload, two messages of a parked vehicle may be equal.
        distinct = settings.payload.has_time
        topic_filter = settings.topics.telemetry_template.filter
        return MqttSource(settings.mqtt, [topic_filter], role, distinct=distinct)
    if settings.source.kind == "kafka":
        group = settings.kafka.group if role == SOURCE else f"{settings.kafka.group}-{role}"
        return KafkaSource(settings.kafka, settings.topics.telemetry, role=role, group=group)
    recording = settings.recording
    if recording.input is None:
        raise SettingsError(
            "recording.input: expected the file to play, since source.kind is 'recording', got none; "
            "set FLEET__RECORDING__INPUT=trip.jsonl"
        )
    table = TableOptions(time_zone=settings.payload.time_zone or "")
    return RecordingSource(recording.input, recording.speed, recording.batch_size, table)


def alerts_source(settings: Settings, role: str) -> FixedPartitionedSource[MessageBatch, Any]:
    """The source of alerts, from where ``[sink]`` sends them.

    Args:
        settings: all settings.
        role: what reads it; each role has its own session (MQTT) or consumer group (Kafka).

    Raises:
        SettingsError: they go to files.
        BrokerError: Kafka cannot be reached, or has no such topic.
    """
    topic = settings.alerts_topic
    if settings.sink.kind == "mqtt":
        return MqttSource(settings.mqtt, [f"{topic}/#"], role)
    if settings.sink.kind == "kafka":
        group = f"{settings.kafka.group}-{role}"
        return KafkaSource(settings.kafka, topic, role=role, group=group, compacted=True)
    raise SettingsError(
        "sink.kind: expected 'mqtt' or 'kafka', got 'recording'; alerts are read from a broker only"
    )


def actions_source(settings: Settings, role: str) -> FixedPartitionedSource[MessageBatch, Any] | None:
    """The source of what people do about alerts: the broker that ``[sink]`` selects.

    Args:
        settings: all settings.
        role: what reads it; each role has its own session (MQTT) or consumer group (Kafka).

    Returns:
        ``None`` where nobody can do anything: results go to files, or a recording is played, which ends.

    Raises:
        BrokerError: Kafka cannot be reached, or has no such topic.
    """
    topic = settings.actions_topic
    if "recording" in (settings.sink.kind, settings.source.kind):
        return None
    if settings.sink.kind == "mqtt":
        # The same action may be meant twice.
        return MqttSource(settings.mqtt, [topic], role, distinct=False)
    return KafkaSource(settings.kafka, topic, role=role, group=f"{settings.kafka.group}-{role}")


def topic_sources(
    settings: Settings,
    broker: str,
    topics: Mapping[str, str],
    filters: Sequence[str],
    *,
    step_id: str,
    role: str,
) -> dict[str, FixedPartitionedSource[MessageBatch, Any]]:
    """The sources of several topics of one broker: one session over MQTT, one source a topic over Kafka.

    Args:
        settings: all settings.
        broker: "mqtt" or "kafka"; anything else has no topics.
        topics: name → topic.
        filters: the topic filters of these over MQTT.
        step_id: of the source over MQTT; over Kafka each has the name of its topic.
        role: what reads them; names the session (MQTT) or consumer group (Kafka).

    Returns:
        Step id → source.

    Raises:
        BrokerError: Kafka cannot be reached, or has no such topic.
    """
    if broker == "mqtt" and filters:
        distinct = settings.payload.has_time
        return {step_id: MqttSource(settings.mqtt, filters, role, distinct=distinct)}
    if broker != "kafka":
        return {}
    group = f"{settings.kafka.group}-{role}"
    return {
        name: KafkaSource(
            settings.kafka, topic, role=role, group=group, compacted=topic == settings.alerts_topic
        )
        for name, topic in topics.items()
    }


def deliver(
    step_id: str,
    up: Stream[OutgoingBatch],
    settings: Settings,
    topic: str,
    *,
    by_key: ByKey = False,
    retain: bool = False,
) -> None:
    """Send a stream of messages to the sink that ``[sink]`` selects.

    Args:
        step_id: names the step, the client's session, and the file if the sink is a recording.
        up: the messages.
        settings: all settings.
        topic: the topic; with `by_key`, the prefix of all topics.
        by_key: whether each key has its own topic (MQTT; over Kafka messages always carry their key);
            "levels" if the parts of a key are levels.
        retain: whether the broker keeps the latest message of each topic. Over Kafka, a topic whose keys are
            levels is compacted.

    Raises:
        RecordingError: the results cannot be written.
        BrokerError: Kafka cannot be reached, or has no such topic.
    """
    if settings.sink.kind == "mqtt":
        op.output(step_id, up, MqttSink(settings.mqtt, topic, role=step_id, by_key=by_key, retain=retain))
        return
    if settings.sink.kind == "kafka":
        op.output(step_id, up, KafkaSink(settings.kafka, topic, role=step_id, compacted=by_key == "levels"))
        return
    repeats_itself = settings.source.kind == "recording"
    path = settings.recording.results / f"{step_id}.jsonl"
    keyed = op.key_on(f"{step_id}_file", up, lambda _: path.name)
    op.output(step_id, keyed, JsonLinesSink(path, keep=not repeats_itself))
