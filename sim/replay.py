"""Publishes a recording of any format again, paced by its times of arrival."""

from __future__ import annotations

from dataclasses import replace

from config.stop_request import StopRequest
from config.topic_template import TopicTemplate
from dataflows.messages import MessageBatch
from dataflows.recordings import Recording
from sim.pacing import Pacer, publish_paced
from sim.progress import progress_bar
from sim.publishers import Publisher


def replay(
    recording: Recording, publisher: Publisher, *, telemetry_topic: str, pacer: Pacer, stop: StopRequest
) -> int:
    """Publish every message, payloads byte for byte.

    Args:
        recording: what to publish.
        publisher: where to publish it.
        telemetry_topic: topic of messages that were recorded without one, a `TopicTemplate`; the vehicle is
            the file's name without suffixes.
        pacer: when to publish.
        stop: ends it early.

    Returns:
        How many messages were published.

    Raises:
        RecordingError: the file is damaged.
        SettingsError: it was recorded without topics, and each topic is for one signal.
    """
    sent = 0
    with progress_bar(recording.path.name, recording.size_bytes) as show:
        for batch in recording.read():
            sent += publish_paced(_on_topics(batch, recording, telemetry_topic), publisher, pacer, stop)
            if stop.requested:
                break
            show(recording.position)
    return sent


def _on_topics(batch: MessageBatch, recording: Recording, telemetry_topic: str) -> MessageBatch:
    stem = recording.topic
    if stem not in batch.topics:
        return batch
    own_topic = TopicTemplate(telemetry_topic).topic_of(stem)
    return replace(batch, topics=[own_topic if topic == stem else topic for topic in batch.topics])
