"""The sections ``[mqtt]`` and ``[kafka]``: where the brokers are and how to talk to them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, SecretStr

from config.section import UNSET, Port, Section


class TlsSettings(Section):
    """Transport encryption; files are PEM."""

    enabled: bool
    ca_file: Annotated[Path | None, UNSET]
    certificate_file: Annotated[Path | None, UNSET]
    key_file: Annotated[Path | None, UNSET]


class MqttSettings(Section):
    """The MQTT broker and how to talk to it."""

    host: str = Field(min_length=1)
    port: Port
    protocol: Literal["5", "3.1.1"]
    client_id: str = Field(min_length=1)
    username: Annotated[str | None, UNSET]
    password: Annotated[SecretStr | None, UNSET]
    keepalive: PositiveInt
    session_expiry: NonNegativeInt
    queue_size: Annotated[int, Field(ge=1, le=65535)]
    batch_size: PositiveInt
    connect_timeout: PositiveFloat
    delivery_timeout: PositiveFloat
    reconnect_min: PositiveFloat
    reconnect_max: PositiveFloat
    tls: TlsSettings


class KafkaSettings(Section):
    """The Kafka cluster and how to talk to it; `config.kafka_options` turns it into what clients take."""

    bootstrap: str = Field(min_length=1)
    client_id: str = Field(min_length=1)
    group: str = Field(min_length=1)
    start: Literal["committed", "beginning", "end"]
    username: Annotated[str | None, UNSET]
    password: Annotated[SecretStr | None, UNSET]
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]
    batch_size: PositiveInt
    connect_timeout: PositiveFloat
    delivery_timeout: PositiveFloat
    create_topics: bool
    partitions: PositiveInt
    replication: PositiveInt
    max_message_bytes: PositiveInt
    tls: TlsSettings
    librdkafka: dict[str, bool | int | float | str]
