"""What all clients of librdkafka here have in common: reserved options, and errors in words."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from confluent_kafka import KafkaError, KafkaException

from config.broker_settings import KafkaSettings
from config.errors import SettingsError

Answer = TypeVar("Answer")

PERMANENT_REFUSALS = frozenset({KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED})
"""Errors that trying again does not cure."""

PAUSE = 0.2
"""Seconds between two attempts to ask a cluster that could not answer."""


def check_reserved_options(settings: KafkaSettings, reserved: frozenset[str]) -> None:
    """Check that ``[kafka.librdkafka]`` does not set an option that a guarantee depends on.

    Raises:
        SettingsError: it does.
    """
    for option in settings.librdkafka:
        if option in reserved:
            raise SettingsError(
                f"kafka.librdkafka.{option}: the delivery guarantee depends on this option, so it cannot be "
                "changed; remove it"
            )


def wrong_option(error: KafkaException) -> SettingsError:
    """What it means that librdkafka does not accept the options of a client."""
    return SettingsError(f"kafka.librdkafka: {error_text(error)}; correct or remove the option")


def retry(settings: KafkaSettings, ask: Callable[[float], Answer]) -> Answer:
    """Ask the cluster until it answers, for ``connect_timeout``: after its start it needs some time.

    Args:
        settings: the section ``[kafka]``.
        ask: is given the seconds that are left.

    Raises:
        KafkaException: it did not answer in time, or refused to.
    """
    deadline = time.monotonic() + settings.connect_timeout
    while True:
        try:
            return ask(max(deadline - time.monotonic(), PAUSE))
        except KafkaException as error:
            if error.args[0].code() in PERMANENT_REFUSALS or time.monotonic() > deadline:
                raise
            time.sleep(PAUSE)


def error_text(error: Exception) -> str:
    """What an exception of librdkafka says, without its code."""
    first = error.args[0] if error.args else error
    return first.str() if isinstance(first, KafkaError) else str(first)
