"""Publishes commands where telemetry comes from: over MQTT or Kafka."""

from __future__ import annotations

from urllib.parse import quote

import msgspec

from config.settings import Settings
from dataflows.events import Command
from ui.actions import kafka_delivery, mqtt_delivery
from ui.actions.credentials import acting_as
from ui.commands.command_desk import CommandPublisher

READER = "the vehicle, or the simulator,"


class MqttCommands(CommandPublisher):
    """Publishes to the topic of the vehicle, never retained: it would be obeyed at every start."""

    def __init__(self, settings: Settings) -> None:
        self._mqtt = acting_as(settings.mqtt, settings.page.operator)
        self._topic = settings.command_topic

    def publish(self, vehicle_id: str, command: Command) -> str:
        # An id that holds a wildcard or a slash must not become a topic of others.
        topic = f"{self._topic}/{quote(vehicle_id, safe='', errors='surrogatepass')}"
        (trouble,) = mqtt_delivery.deliver(
            self._mqtt, "command", [(topic, msgspec.json.encode(command))], READER
        )
        return trouble


class KafkaCommands(CommandPublisher):
    """Publishes with the vehicle's id as the key."""

    def __init__(self, settings: Settings) -> None:
        self._kafka = acting_as(settings.kafka, settings.page.operator)
        self._topic = settings.command_topic

    def publish(self, vehicle_id: str, command: Command) -> str:
        message = (vehicle_id, msgspec.json.encode(command))
        (trouble,) = kafka_delivery.deliver(self._kafka, "command", self._topic, [message])
        return trouble


def publisher_of(settings: Settings) -> CommandPublisher:
    """The publisher for the broker that telemetry comes from."""
    return KafkaCommands(settings) if settings.source.kind == "kafka" else MqttCommands(settings)
