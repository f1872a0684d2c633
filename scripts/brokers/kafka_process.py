"""A Kafka broker as a child process, and the settings that connect to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from confluent_kafka.admin import AdminClient

from config.broker_settings import KafkaSettings
from config.settings import DEFAULT_FILE, load
from scripts.brokers import kafka
from scripts.brokers.ports import LOCALHOST, free_port
from scripts.brokers.process import BrokerProcess


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running Kafka.

    Attributes:
        bootstrap: host:port.
    """

    bootstrap: str

    def settings(self, **changes: Any) -> KafkaSettings:
        """``[kafka]`` for this cluster, with a client id and a group that nothing else uses."""
        name = f"test-{uuid4().hex[:12]}"
        values = {"bootstrap": self.bootstrap, "client_id": name, "group": name, "connect_timeout": 20.0}
        defaults = load(DEFAULT_FILE).kafka.model_dump()
        return KafkaSettings.model_validate(defaults | values | changes)


class KafkaBroker(BrokerProcess):
    """A single KRaft node with the shipped configuration."""

    def __init__(
        self,
        directory: Path,
        *,
        protocol: str = "PLAINTEXT",
        lines: Sequence[str] = (),
        storage: Sequence[str] = (),
    ) -> None:
        """Write the configuration and format the storage.

        Args:
            directory: an empty one, for this broker alone.
            protocol: that clients must use: PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL.
            lines: further properties.
            storage: further arguments for formatting the storage, such as users.

        Raises:
            SettingsError: Java or Maven is not installed.
            BrokerError: Kafka cannot be fetched, or rejects the configuration.
        """
        super().__init__(directory)
        self._properties = kafka.configure(directory, self.port, free_port(), protocol=protocol, lines=lines)
        self._protocol = protocol
        kafka.format_storage(self._properties, arguments=storage)

    def command(self) -> list[str]:
        return kafka.command(self._properties)

    def start(self) -> None:
        """Start the broker and return when it answers requests, which takes longer than listening."""
        super().start()
        if self._protocol == "PLAINTEXT":
            AdminClient({"bootstrap.servers": self.cluster.bootstrap}).list_topics(timeout=30)

    @property
    def is_running(self) -> bool:
        """Whether it was started, and not stopped or killed since."""
        return self._process is not None

    @property
    def cluster(self) -> Cluster:
        """This broker as clients see it."""
        return Cluster(f"{LOCALHOST}:{self.port}")


StartKafka = Callable[..., KafkaBroker]
"""Starts a broker with the keyword arguments of `KafkaBroker`: the type of the fixture ``kafka``."""
