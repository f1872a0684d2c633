"""Publishes what people do about alerts over Kafka."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from config.settings import Settings
from dataflows.events import AlertAction
from ui.actions.action_desk import ActionPublisher
from ui.actions.credentials import acting_as
from ui.actions.kafka_delivery import deliver


class KafkaActions(ActionPublisher):
    """Publishes actions with the vehicle's id as the key, with a producer for the attempt."""

    def __init__(self, settings: Settings) -> None:
        self._kafka = acting_as(settings.kafka, settings.page.dispatcher)
        self._topic = settings.actions_topic

    def publish(self, actions: Sequence[tuple[str, AlertAction]]) -> list[str]:
        messages = [(vehicle_id, msgspec.json.encode(action)) for vehicle_id, action in actions]
        return deliver(self._kafka, "action", self._topic, messages)
