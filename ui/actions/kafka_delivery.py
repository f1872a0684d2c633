"""Publishes what people do over Kafka, and says of each message whether the cluster has it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from kafka.errors import KafkaError, KafkaTimeoutError
from kafka.producer.future import FutureRecordMetadata

from config.broker_settings import KafkaSettings
from ui.live.kafka_client import Producer, consumer_options, noted_trouble, reason

DEADLINE = 5.0
"""Seconds within which the cluster has to confirm: somebody is looking at the button."""

CLOSE_WITHIN = 1.0
"""Seconds for connections to be closed."""


def deliver(kafka: KafkaSettings, role: str, topic: str, messages: Sequence[tuple[str, bytes]]) -> list[str]:
    """Publish with a producer that lasts as long as the attempt.

    One that stays would deliver a message after the page has said that it was not delivered.

    Args:
        kafka: the cluster.
        role: appended to the client id.
        topic: of the messages; it is not created.
        messages: keys and payloads.

    Returns:
        for each message why the cluster has not confirmed it within `DEADLINE`; empty if it has.
    """
    options: dict[str, Any] = consumer_options(kafka, f"page-{role}") | {
        "acks": "all",
        "allow_auto_create_topics": False,
    }
    end = time.monotonic() + DEADLINE
    with noted_trouble() as trouble:
        try:
            producer = Producer(**options, **_within(DEADLINE))
        except KafkaError as error:
            return [trouble.text or reason(error)] * len(messages)
    try:
        producer.partitions_for(topic)
        futures = [producer.send(topic, payload, key=key.encode()) for key, payload in messages]
    except KafkaTimeoutError:
        return [f"there is no topic {topic}, or this page may not see it"] * len(messages)
    except KafkaError as error:
        return [reason(error)] * len(messages)
    else:
        return [_outcome(future, end - time.monotonic()) for future in futures]
    finally:
        producer.close(CLOSE_WITHIN)


def _within(seconds: float) -> dict[str, int]:
    milliseconds = round(seconds * 1000)
    return {
        "bootstrap_timeout_ms": milliseconds // 2,
        "request_timeout_ms": milliseconds // 2,
        "max_block_ms": milliseconds // 2,
        "delivery_timeout_ms": milliseconds,
    }


def _outcome(future: FutureRecordMetadata, patience: float) -> str:
    try:
        future.get(timeout=max(0.0, patience))
    except KafkaTimeoutError:
        return f"not confirmed within {DEADLINE:g} s, so it may or may not have arrived"
    except KafkaError as error:
        return reason(error)
    return ""
