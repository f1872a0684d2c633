"""The sections ``[mqtt]`` and ``[kafka]``: where the brokers are and how to connect to them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    model_validator,
)

from config.section import UNSET, Port, Section

_ADDRESS = re.compile(r"\s*[^\s:,/@]+:\d{1,5}\s*")


def _addresses(text: str) -> str:
    if not all(map(_ADDRESS.fullmatch, text.split(","))):
        raise ValueError("expected host:port, or several of them separated by commas")
    return text


def _host(text: str) -> str:
    if not text or re.search(r"[\s/@]", text):
        raise ValueError(
            "expected the name or address of a host alone; user and password are settings of their own"
        )
    return text


class TlsSettings(Section):
    """Transport encryption; files are PEM."""

    enabled: bool
    ca_file: Annotated[Path | None, UNSET]
    certificate_file: Annotated[Path | None, UNSET]
    key_file: Annotated[Path | None, UNSET]


class MqttSettings(Section):
    """The MQTT broker and how to connect to it; `config.mqtt_options` creates clients from it."""

    host: Annotated[str, AfterValidator(_host)]
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
    """The Kafka cluster and how to connect to it; `config.kafka_options` creates clients' options from it."""

    bootstrap: Annotated[str, AfterValidator(_addresses)]
    client_id: str = Field(min_length=1)
    group: str = Field(min_length=1)
    start: Literal["committed", "beginning", "end"]
    username: Annotated[str | None, UNSET]
    password: Annotated[SecretStr | None, UNSET]
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]
    batch_size: Annotated[int, Field(ge=1, le=1_000_000)]
    connect_timeout: PositiveFloat
    delivery_timeout: PositiveFloat
    create_topics: bool
    partitions: PositiveInt
    replication: PositiveInt
    max_message_bytes: PositiveInt
    tls: TlsSettings
    librdkafka: dict[str, bool | int | float | str] = Field(repr=False)  # may hold passwords

    @model_validator(mode="after")
    def _a_user_has_a_password(self) -> KafkaSettings:
        if self.username is not None and self.password is None:
            raise ValueError("expected a password for the user, got none; set FLEET__KAFKA__PASSWORD")
        return self

    @model_validator(mode="after")
    def _files_are_there(self) -> KafkaSettings:
        for name in ("ca_file", "certificate_file", "key_file"):
            file = getattr(self.tls, name)
            if self.tls.enabled and file is not None and not file.is_file():
                raise ValueError(f"tls.{name}: expected a PEM file, found none at {str(file)!r}")
        return self
