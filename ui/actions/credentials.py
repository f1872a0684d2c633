"""With whose rights the page publishes."""

from __future__ import annotations

from typing import TypeVar

from config.broker_settings import KafkaSettings, MqttSettings
from config.page_settings import BrokerUser

Broker = TypeVar("Broker", MqttSettings, KafkaSettings)


def acting_as(broker: Broker, user: BrokerUser) -> Broker:
    """How to connect to a broker with the rights of `user`; as ``[mqtt]`` or ``[kafka]`` says without one."""
    if user.username is None:
        return broker
    return broker.model_copy(update={"username": user.username, "password": user.password})
