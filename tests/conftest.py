"""Fixtures that several packages of tests share, and how tests are spread over worker processes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from config.settings import Settings, load
from scripts.brokers.embedded import EmbeddedBroker
from scripts.brokers.kafka_process import Cluster, KafkaBroker, StartKafka
from scripts.brokers.mosquitto import Mosquitto, StartMosquitto
from scripts.brokers.process import Broker
from tests.support.environment import READABLE
from tests.support.kernels import compile_kernels
from tests.support.needs import has, left_out, need, need_sessions
from tests.support.scheduling import KafkaInOneWorker

if TYPE_CHECKING:
    from xdist.remote import Producer

MOST_WORKERS = 4
"""More would wait for the one that runs the tests on Kafka."""

QUICK_JVM = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""A Kafka starts with 40 % less processor time, and is later slower than tests can notice."""


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a wrong ``TEST_WITHOUT`` before anything runs, and let every JVM start quickly."""
    left_out()
    os.environ.setdefault("JDK_JAVA_OPTIONS", QUICK_JVM)
    os.environ.update(READABLE)


# Tests share the processors with other workers and with brokers: how long an example takes says nothing.
# With the lowest versions of the dependencies, it is versions that are looked at.
for profile, examples in {"shared": 20, "few": 5}.items():
    hypothesis_settings.register_profile(
        profile, deadline=None, max_examples=examples, suppress_health_check=[HealthCheck.too_slow]
    )
hypothesis_settings.load_profile("shared")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One worker more than there are processors, since tests also wait; none if only files are named.

    A few tests are over before workers would have started.
    """
    if all(Path(argument.partition("::")[0]).is_file() for argument in config.args):
        return 0
    compile_kernels()
    return min((os.cpu_count() or 1) + 1, MOST_WORKERS)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> KafkaInOneWorker:
    return KafkaInOneWorker(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what uses an MQTT broker that may be the embedded one."""
    for item in items:
        if isinstance(item, pytest.Function) and {"broker", "own_broker", "private_broker"} & set(
            item.fixturenames
        ):
            item.add_marker("mqtt")


@contextmanager
def _running_mqtt_broker(directory: Path) -> Iterator[Broker]:
    running = Mosquitto(directory) if has("mosquitto") else EmbeddedBroker(directory)
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """The MQTT broker that tests share: mosquitto, or the embedded one without it. Not to be stopped."""
    with _running_mqtt_broker(tmp_path_factory.mktemp("broker")) as running:
        yield running


@pytest.fixture(scope="session")
def durable_broker(broker: Broker) -> Broker:
    """The shared MQTT broker, if it keeps what an absent client has not acknowledged."""
    need_sessions(broker)
    return broker


@pytest.fixture
def private_broker(tmp_path: Path) -> Iterator[Broker]:
    """An MQTT broker like the shared one that no other test uses.

    For tests that count what a subscriber receives: the embedded broker also delivers what was retained on
    topics of others.
    """
    directory = tmp_path / "broker"
    directory.mkdir()
    with _running_mqtt_broker(directory) as running:
        yield running


@pytest.fixture(scope="module")
def own_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """An MQTT broker like the shared one that only the tests of a file use; they may stop and start it."""
    with _running_mqtt_broker(tmp_path_factory.mktemp("own-broker")) as running:
        yield running


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[StartMosquitto]:
    """Starts a mosquitto for this test, with the arguments of `Mosquitto`; the test may stop it."""
    need("mosquitto")
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
    """The Kafka that tests share: that of ``KAFKA_BOOTSTRAP``, or one started here. Not to be stopped."""
    bootstrap = os.environ.get("KAFKA_BOOTSTRAP")
    if bootstrap:
        yield Cluster(bootstrap)
        return
    need("java")
    running = KafkaBroker(tmp_path_factory.mktemp("kafka"))
    running.start()
    yield running.cluster
    running.stop()


@pytest.fixture(scope="session")
def _spare_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaBroker]:
    need("java")
    running = KafkaBroker(tmp_path_factory.mktemp("spare-kafka"))
    yield running
    running.stop()


@pytest.fixture
def restartable_kafka(_spare_kafka: KafkaBroker) -> KafkaBroker:
    """A Kafka that the test may stop and start; so may others before and after it, on their own topics."""
    if not _spare_kafka.is_running:
        _spare_kafka.start()
    return _spare_kafka


@pytest.fixture
def kafka(tmp_path: Path) -> Iterator[StartKafka]:
    """Starts a Kafka for this test, with the arguments of `KafkaBroker`; the test may stop it."""
    need("java")
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
    """All settings, with ``[mqtt]`` pointing to the shared broker."""
    return load().model_copy(update={"mqtt": broker.settings()})
