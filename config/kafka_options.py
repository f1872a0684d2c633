"""``[kafka]`` as librdkafka takes it, which is what confluent-kafka wraps."""

from __future__ import annotations

from typing import Any

from config.broker_settings import KafkaSettings

RECONNECT_WITHIN = 1000
"""Milliseconds, the longest pause between attempts to reconnect."""


def security_protocol(settings: KafkaSettings) -> str:
    """PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL, as the protocols of Kafka's listeners are called."""
    transport = "SSL" if settings.tls.enabled else "PLAINTEXT"
    return transport if settings.username is None else f"SASL_{transport}"


def librdkafka_options(settings: KafkaSettings, role: str) -> dict[str, Any]:
    """Options of every client of confluent-kafka; those in ``[kafka.librdkafka]`` take precedence.

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
