"""Publishes what people do about alerts over MQTT."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from config.settings import Settings
from dataflows.events import AlertAction
from ui.actions.action_desk import ActionPublisher
from ui.actions.credentials import acting_as
from ui.actions.mqtt_delivery import deliver


class MqttActions(ActionPublisher):
    """Publishes actions, each with a connection for the attempt."""

    def __init__(self, settings: Settings) -> None:
        self._mqtt = acting_as(settings.mqtt, settings.page.dispatcher)
        self._topic = settings.actions_topic

    def publish(self, actions: Sequence[tuple[str, AlertAction]]) -> list[str]:
        messages = [(self._topic, msgspec.json.encode(action)) for _, action in actions]
        return deliver(self._mqtt, "action", messages, "the dataflow")
