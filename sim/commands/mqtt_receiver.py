"""Commands over MQTT."""

from __future__ import annotations

import logging
from collections import deque
from typing import Self

from paho.mqtt.client import MQTTMessage

from sim.commands.receivers import Delivery

logger = logging.getLogger(__name__)

MOST_WAITING = 10_000
"""Commands that are kept until they are taken; more are dropped, and counted in the log."""


class MqttCommandReceiver:
    """Takes commands from the connection of the publisher.

    What is sent while there is no connection is not received, so that no command is obeyed long after it was
    sent. A retained command, which the broker would deliver again at every start, is not obeyed either; a
    line in the log says so.

    Args:
        topic: of commands to all vehicles; that of one has its id appended.
        answers_topic: lies between those of the vehicles, and is no command.

    Attributes:
        filters: what to subscribe to.
    """

    def __init__(self, *, topic: str, answers_topic: str) -> None:
        self.filters = (topic, f"{topic}/+")
        self._topic = topic
        self._answers_topic = answers_topic
        self._waiting: deque[Delivery] = deque()
        self._dropped = 0

    def receive(self, message: MQTTMessage) -> None:
        """Keep a command until it is taken; called in the network thread."""
        topic = message.topic
        if topic == self._answers_topic:
            return
        if message.retain:
            logger.warning(
                "a retained command on %s was not obeyed; remove it: mosquitto_pub -r -n -t %s", topic, topic
            )
        elif len(self._waiting) >= MOST_WAITING:
            self._dropped += 1
        else:
            vehicle_id = None if topic == self._topic else topic.removeprefix(f"{self._topic}/")
            self._waiting.append(Delivery(vehicle_id, bytes(message.payload)))

    def take(self) -> list[Delivery]:
        """What has come since the last call."""
        if self._dropped:
            logger.error("%d commands were dropped: more than %d were waiting", self._dropped, MOST_WAITING)
            self._dropped = 0
        return [self._waiting.popleft() for _ in range(len(self._waiting))]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass
