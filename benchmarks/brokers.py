"""Real brokers for the throughput and latency benchmarks, each on a port of its own."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from config.errors import BrokerError, SettingsError
from scripts.brokers.kafka_process import KafkaBroker
from scripts.brokers.mosquitto import Mosquitto, mosquitto_is_installed
from scripts.brokers.process import BrokerProcess

Process = TypeVar("Process", bound=BrokerProcess)


@contextmanager
def kafka_broker() -> Iterator[str]:
    """A Kafka of our own, or the one of ``KAFKA_BOOTSTRAP``; yields its address.

    Raises:
        BrokerError: it does not start.
    """
    known = os.environ.get("KAFKA_BOOTSTRAP")
    if known:
        yield known
        return
    with (
        tempfile.TemporaryDirectory() as directory,
        running(KafkaBroker(Path(directory)), "Kafka") as broker,
    ):
        yield broker.cluster.bootstrap


@contextmanager
def mosquitto() -> Iterator[int]:
    """A mosquitto with ``config/mosquitto.conf``; yields its port.

    Raises:
        SettingsError: mosquitto is not installed.
        BrokerError: it does not start.
    """
    if not mosquitto_is_installed():
        raise SettingsError("expected mosquitto on the PATH, found none: apt-get install mosquitto")
    with (
        tempfile.TemporaryDirectory() as directory,
        running(Mosquitto(Path(directory)), "mosquitto") as broker,
    ):
        yield broker.port


@contextmanager
def running(broker: Process, name: str) -> Iterator[Process]:
    """A broker that runs within the context.

    Args:
        broker: it is not started yet.
        name: what it is called in errors.

    Raises:
        BrokerError: it does not start.
    """
    try:
        broker.start()
    except AssertionError as error:
        broker.kill()
        raise BrokerError(f"expected {name} to start, it did not: {' '.join(str(error).split())}") from None
    try:
        yield broker
    finally:
        broker.kill()  # none of its data is kept
