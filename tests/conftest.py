"""Fixtures that several packages of tests share: a broker, and settings that point to it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from config.settings import Settings, load
from scripts.brokers.embedded import EmbeddedBroker
from scripts.brokers.kafka_process import Cluster, KafkaBroker, StartKafka
from scripts.brokers.mosquitto import Mosquitto, StartMosquitto, mosquitto_is_installed
from scripts.brokers.process import Broker
from tests.support.kafka_brokers import need_java

WANTS_MOSQUITTO = "needs mosquitto: apt-get install mosquitto, brew install mosquitto"


def _mosquitto_or(otherwise: Callable[[], Any]) -> bool:
    if mosquitto_is_installed():
        return True
    _fail_in_ci("mosquitto")
    otherwise()
    return False


def _fail_in_ci(missing: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(f"{missing} is not installed, and in CI=true no test may be left out")


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """The broker of all tests: mosquitto, or the embedded one if it is not installed. Not to be stopped."""
    directory = tmp_path_factory.mktemp("broker")
    running = Mosquitto(directory) if _mosquitto_or(lambda: None) else EmbeddedBroker(directory)
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def durable_broker(broker: Broker) -> Broker:
    """The broker of all tests, if it keeps what a client that is away has not acknowledged."""
    if not isinstance(broker, Mosquitto):
        pytest.skip(f"{WANTS_MOSQUITTO}; the embedded broker redelivers nothing after a crash")
    return broker


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[StartMosquitto]:
    """Starts a broker of the test's own, with the arguments of `Mosquitto`; to be stopped at will."""
    _mosquitto_or(lambda: pytest.skip(WANTS_MOSQUITTO))
    started: list[Mosquitto] = []

    def start(**arguments: Any) -> Mosquitto:
        directory = tmp_path / f"mosquitto-{len(started)}"
        directory.mkdir()
        started.append(Mosquitto(directory, **arguments))
        started[-1].start()
        return started[-1]

    yield start
    for running in started:
        running.stop()


@pytest.fixture(scope="session")
def kafka_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The Kafka of all tests: ``KAFKA_BOOTSTRAP``, or one of our own. Not to be stopped."""
    bootstrap = os.environ.get("KAFKA_BOOTSTRAP")
    if bootstrap:
        yield Cluster(bootstrap)
        return
    need_java()
    running = KafkaBroker(tmp_path_factory.mktemp("kafka"))
    running.start()
    yield running.cluster
    running.stop()


@pytest.fixture
def kafka(tmp_path: Path) -> Iterator[StartKafka]:
    """Starts a Kafka of the test's own, with the arguments of `KafkaBroker`; to be stopped at will."""
    need_java()
    started: list[KafkaBroker] = []

    def start(**arguments: Any) -> KafkaBroker:
        started.append(KafkaBroker(tmp_path / f"kafka-{len(started)}", **arguments))
        started[-1].start()
        return started[-1]

    yield start
    for running in started:
        running.stop()


@pytest.fixture
def topic() -> str:
    """A topic that no other test uses."""
    return f"test/{uuid4().hex[:12]}"


@pytest.fixture
def settings(broker: Broker) -> Settings:
    """All settings, with ``[mqtt]`` pointing to the broker of the tests."""
    return load().model_copy(update={"mqtt": broker.settings()})
