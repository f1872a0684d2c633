"""Publishes what people do about alerts over Kafka."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import msgspec
from kafka.errors import KafkaError, KafkaTimeoutError
from kafka.producer.future import FutureRecordMetadata

from config.settings import Settings
from dataflows.events import AlertAction
from ui.actions.action_desk import ActionPublisher
from ui.live.kafka_client import Producer, consumer_options, noted_trouble, reason

DEADLINE = 5.0
"""Seconds within which the cluster has to confirm: somebody is looking at the button."""

CLOSE_WITHIN = 1.0
"""Seconds for connections to be closed."""


class KafkaActions(ActionPublisher):
    """Publishes with the vehicle's id as the key, with a producer that lasts as long as the attempt.

    One that stays would deliver an action after the page has said that it was not delivered.
    """

    def __init__(self, settings: Settings) -> None:
        self._topic = settings.actions_topic
        self._options: dict[str, Any] = consumer_options(settings.kafka, "page-action") | {
            "acks": "all",
            "allow_auto_create_topics": False,
        }

    def publish(self, actions: Sequence[tuple[str, AlertAction]]) -> list[str]:
        end = time.monotonic() + DEADLINE
        with noted_trouble() as trouble:
            try:
                producer = Producer(**self._options, **_within(DEADLINE))
            except KafkaError as error:
                return [trouble.text or reason(error)] * len(actions)
        try:
            producer.partitions_for(self._topic)
            futures = [
                producer.send(self._topic, msgspec.json.encode(action), key=vehicle_id.encode())
                for vehicle_id, action in actions
            ]
        except KafkaTimeoutError:
            return [f"there is no topic {self._topic}, or this page may not see it"] * len(actions)
        except KafkaError as error:
            return [reason(error)] * len(actions)
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
