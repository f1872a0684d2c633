"""``[kafka]`` in the words of its two clients: confluent-kafka (librdkafka) and kafka-python."""

from __future__ import annotations

from typing import Any

from config.broker_settings import KafkaSettings

RECONNECT_WITHIN = 1000
"""Milliseconds until a broker that is back is noticed."""


def security_protocol(settings: KafkaSettings) -> str:
    """PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL, as Kafka's listeners are called."""
    transport = "SSL" if settings.tls.enabled else "PLAINTEXT"
    return transport if settings.username is None else f"SASL_{transport}"


def librdkafka_options(settings: KafkaSettings, role: str) -> dict[str, Any]:
    """Options of every client of confluent-kafka; what ``[kafka.librdkafka]`` says comes last and wins.

    Args:
        settings: the section ``[kafka]``.
        role: appended to the client id.
    """
    tls = settings.tls
    options = {
        "bootstrap.servers": settings.bootstrap,
        "client.id": f"{settings.client_id}-{role}",
        "security.protocol": security_protocol(settings),
        "sasl.mechanisms": settings.sasl_mechanism if settings.username is not None else None,
        "sasl.username": settings.username,
        "sasl.password": settings.password.get_secret_value() if settings.password is not None else None,
        "ssl.ca.location": tls.ca_file,
        "ssl.certificate.location": tls.certificate_file,
        "ssl.key.location": tls.key_file,
        "reconnect.backoff.max.ms": RECONNECT_WITHIN,
    }
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in {**options, **settings.librdkafka}.items()
        if value is not None
    }


def kafka_python_options(settings: KafkaSettings, role: str) -> dict[str, Any]:
    """Options of every client of kafka-python.

    Args:
        settings: the section ``[kafka]``.
        role: appended to the client id.
    """
    tls = settings.tls
    options: dict[str, Any] = {
        "bootstrap_servers": [address.strip() for address in settings.bootstrap.split(",")],
        "client_id": f"{settings.client_id}-{role}",
        "security_protocol": security_protocol(settings),
        "reconnect_backoff_max_ms": RECONNECT_WITHIN,
    }
    if settings.username is not None:
        options |= {
            "sasl_mechanism": settings.sasl_mechanism,
            "sasl_plain_username": settings.username,
            "sasl_plain_password": settings.password.get_secret_value() if settings.password else "",
        }
    if tls.enabled:
        files = {"ssl_cafile": tls.ca_file, "ssl_certfile": tls.certificate_file, "ssl_keyfile": tls.key_file}
        options |= {name: str(file) for name, file in files.items() if file is not None}
    return options
