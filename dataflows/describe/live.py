"""A sample of what a broker delivers now. It leaves nothing behind: no session, no committed position."""

from __future__ import annotations

import re
import time
import tomllib
from collections.abc import Iterator
from functools import partial
from itertools import groupby
from typing import Any, NamedTuple

from config.broker_settings import KafkaSettings, MqttSettings
from config.errors import BrokerError
from config.settings import DEFAULT_FILE, Settings
from dataflows.connectors.kafka.source import KafkaSource
from dataflows.connectors.mqtt.packets import Delivery, PublishReader, pubacks
from dataflows.connectors.mqtt.session import SLICE, MqttSession
from dataflows.describe.sample import Sample
from dataflows.describe.settings_lines import Setting

ROLE = "describe"
"""Appended to the client id, and to the consumer group, in which nothing is committed."""

_PASSWORD = "its password comes from the environment"


def from_broker(settings: Settings, topic: str, seconds: float, limit: int) -> Sample:
    """Listen to a topic of the broker that ``[source]`` selects.

    Over MQTT these are the messages from now on, after the retained ones; from Kafka the oldest ones that
    the topic has.

    Args:
        settings: all settings.
        topic: a topic filter (MQTT), also with placeholders such as ``{vehicle}``, or a topic (Kafka).
        seconds: how long to wait for `limit` messages.
        limit: how many messages, at most.

    Raises:
        BrokerError: the broker cannot be reached, refuses us, or sends nothing.
        SettingsError: a setting of the client is wrong.
    """
    if settings.source.kind == "kafka":
        sample = _from_kafka(settings.kafka, topic, seconds, limit)
    else:
        sample = _from_mqtt(settings.mqtt, topic, seconds, limit)
    if not sample.payloads:
        raise BrokerError(
            f"expected messages on {topic!r} at {settings.telemetry_broker} within {seconds:g} s, got none; "
            "check the topic, listen for longer with --seconds, or describe a recording"
        )
    return sample


def broker_settings(settings: Settings) -> list[Setting]:
    """What a file of settings must say to reach the broker of a sample: all that differs from the default."""
    kind = settings.source.kind
    lines = []
    if kind == "kafka":
        lines += [Setting("source", "kind", kind, "where telemetry comes from")]
        lines += [Setting("sink", "kind", kind, "where scored events go")]
    default = tomllib.loads(DEFAULT_FILE.read_text(encoding="utf-8"))
    name = "kafka" if kind == "kafka" else "mqtt"
    section: KafkaSettings | MqttSettings = settings.kafka if kind == "kafka" else settings.mqtt
    lines += _differing(name, section.model_dump(mode="json", exclude={"tls", "password"}), default[name])
    lines += _differing(f"{name}.tls", section.tls.model_dump(mode="json"), default[name]["tls"])
    return lines


def _differing(section: str, values: dict[str, Any], default: dict[str, Any]) -> Iterator[Setting]:
    for key, value in values.items():
        if isinstance(value, str | bool | int | float) and value != default.get(key):
            why = _PASSWORD if key == "username" else "as the sample was read"
            yield Setting(section, key, value, why)


def _from_kafka(settings: KafkaSettings, topic: str, seconds: float, limit: int) -> Sample:
    looking = settings.model_copy(update={"create_topics": False, "start": "beginning"})
    source = KafkaSource(looking, topic, role=ROLE, group=f"{settings.group}-{ROLE}")
    parts = [source.build_part(ROLE, part, None) for part in source.list_parts()]
    payloads: list[bytes] = []
    arrived: list[int] = []
    keys: list[str] = []
    deadline = time.monotonic() + seconds
    try:
        while len(payloads) < limit and time.monotonic() < deadline:
            found = False
            for batch in (batch for part in parts for batch in part.next_batch()):
                found = True
                payloads += batch.payloads
                arrived += batch.arrived
                keys += batch.keys or [""] * len(batch)
            if not found:
                time.sleep(SLICE)
    finally:
        for part in parts:
            part.close()
    topics = [topic] * len(payloads)
    return Sample(payloads[:limit], topics[:limit], arrived[:limit], keys[:limit], "kafka", topic)


def _from_mqtt(settings: MqttSettings, topic: str, seconds: float, limit: int) -> Sample:
    listener = _Listener(settings, as_filter(topic))
    try:
        received = listener.listen(seconds, limit)[:limit]
    finally:
        listener.session.stop()
    return Sample(
        [message.delivery.payload for message in received],
        [message.delivery.topic for message in received],
        [message.arrived for message in received],
        [""] * len(received),
        "mqtt",
        topic,
    )


class _Received(NamedTuple):
    """A message; `arrived` in microseconds since 1970-01-01 UTC."""

    delivery: Delivery
    arrived: int
    connection_generation: int


class _Listener:
    """A subscription in a session that ends with the connection.

    Args:
        settings: the section ``[mqtt]``.
        topic_filter: what to subscribe to.
    """

    def __init__(self, settings: MqttSettings, topic_filter: str) -> None:
        self._received: list[_Received] = []
        self._acknowledged = 0
        version_5 = settings.protocol == "5"
        self.session = MqttSession(
            settings,
            f"{settings.client_id}-{ROLE}",
            persistent=False,
            new_reader=lambda: PublishReader(version_5=version_5, on_delivered=self._receive),
            filters=[topic_filter],
            announced=False,
        )
        self.session.start()

    def listen(self, seconds: float, limit: int) -> list[_Received]:
        """What arrives within some seconds, or until there are `limit` messages.

        Raises:
            BrokerError: the broker was not reached in time, or refused us or the subscription.
        """
        session = self.session
        session.wait_until_connected()
        deadline = time.monotonic() + seconds
        while self._acknowledged < limit and time.monotonic() < deadline:
            session.check()
            with session.condition:
                session.condition.wait_for(self._has_news, SLICE)
                new = self._received[self._acknowledged :]
            self._acknowledge(new)
        return self._received[: self._acknowledged]

    def _has_news(self) -> bool:
        return len(self._received) > self._acknowledged or self.session.failed

    def _acknowledge(self, new: list[_Received]) -> None:
        """Confirm messages: a broker stops sending after a few unconfirmed ones, mosquitto after twenty."""
        for generation, messages in groupby(new, key=lambda message: message.connection_generation):
            identifiers = [message.delivery.packet_identifier for message in messages]
            self.session.write(generation, partial(pubacks, [number for number in identifiers if number]))
        self._acknowledged += len(new)

    def _receive(self, deliveries: list[Delivery]) -> None:
        """Runs in the network thread."""
        arrived = time.time_ns() // 1000
        session = self.session
        with session.condition:
            generation = session.connection_generation
            self._received.extend(_Received(delivery, arrived, generation) for delivery in deliveries)
            session.condition.notify_all()


def as_filter(topic: str) -> str:
    """The topic filter of a template: each placeholder is one level."""
    return re.sub(r"\{\w*\}", "+", topic)
