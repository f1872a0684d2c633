"""A Kafka that asks for a password and encrypts: all clients connect, or say why they cannot."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from config.broker_settings import KafkaSettings
from config.errors import BrokerError
from config.settings import SinkSettings, load
from dataflows.connectors.kafka.producer import ConfirmedProducer
from dataflows.connectors.kafka.source import KafkaSource
from dataflows.connectors.kafka.topics import ensure_topics
from scripts.brokers.kafka_process import KafkaBroker
from scripts.waiting import wait_until
from tests.support.certificates import make_certificate, tls
from tests.support.enriched_events import payload
from tests.support.needs import need
from ui.live.kafka_feed import KafkaFeed

USER, PASSWORD = "fleet", "correct horse"
LOGIN = "org.apache.kafka.common.security.scram.ScramLoginModule required"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    need("openssl")
    return make_certificate(tmp_path_factory.mktemp("certificate") / "certificate.pem")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, certificate: Path) -> Iterator[KafkaBroker]:
    """A broker that accepts one user, by SCRAM over TLS."""
    need("java")
    both = certificate.with_name("both.pem")
    both.write_text(certificate.with_suffix(".key").read_text() + certificate.read_text())
    broker = KafkaBroker(
        tmp_path_factory.mktemp("guarded"),
        protocol="SASL_SSL",
        lines=[
            "ssl.keystore.type=PEM",
            f"ssl.keystore.location={both}",
            "ssl.truststore.type=PEM",
            f"ssl.truststore.location={certificate}",
            "sasl.enabled.mechanisms=SCRAM-SHA-512",
            "sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512",
            f'listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config={LOGIN} username="{USER}" '
            f'password="{PASSWORD}";',
        ],
        storage=["--add-scram", f"SCRAM-SHA-512=[name={USER},password={PASSWORD}]"],
    )
    broker.start()
    yield broker
    broker.stop()


def settings_of(broker: KafkaBroker, certificate: Path, **changes: Any) -> KafkaSettings:
    values: dict[str, Any] = {
        "username": USER,
        "password": SecretStr(PASSWORD),
        "tls": tls(certificate),
        "connect_timeout": 15.0,
    }
    return broker.cluster.settings(**values | changes)


def test_source_sink_topics_and_page_connect_with_user_password_and_certificate(
    guarded: KafkaBroker, certificate: Path
) -> None:
    settings = settings_of(guarded, certificate)
    ensure_topics(settings, ["enriched", "dead-letter"])
    producer = ConfirmedProducer(settings, "test")
    producer.publish("enriched", ["a"], [payload("a", 1)])
    producer.close()

    source = KafkaSource(settings, "enriched", role="source")
    partitions = [source.build_part("in", part, None) for part in source.list_parts()]
    wait_until(lambda: any(partition.next_batch() for partition in partitions), "the message")
    for partition in partitions:
        partition.close()

    base = load()
    topics = base.topics.model_copy(update={"enriched": "enriched", "dead_letter": "dead-letter"})
    sink = SinkSettings(kind="kafka")
    feed = KafkaFeed(base.model_copy(update={"kafka": settings, "topics": topics, "sink": sink}))
    feed.start()
    wait_until(lambda: feed.state.snapshot().events == 1, "the event on the page")
    feed.stop()


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"password": SecretStr("wrong")}, "invalid credentials"),
        pytest.param({"username": None}, "closed by peer|Broken pipe", marks=pytest.mark.long),
        ({"tls": tls(None)}, "certificate verify failed"),
    ],
    ids=["password", "no-user", "authority"],
)
def test_a_refused_client_reports_the_cluster_and_the_reason_in_one_line(
    guarded: KafkaBroker, certificate: Path, wrong: dict[str, Any], why: str
) -> None:
    settings = settings_of(guarded, certificate, connect_timeout=6.0, **wrong)
    with pytest.raises(BrokerError, match=guarded.cluster.bootstrap) as raised:
        ensure_topics(settings, ["enriched"])
    assert re.search(why, str(raised.value))
    assert len(str(raised.value).splitlines()) == 1
    assert PASSWORD not in str(raised.value)


def test_the_page_says_that_it_was_refused(guarded: KafkaBroker, certificate: Path) -> None:
    settings = settings_of(guarded, certificate, password=SecretStr("wrong"))
    feed = KafkaFeed(load().model_copy(update={"kafka": settings, "sink": SinkSettings(kind="kafka")}))
    feed.start()
    wait_until(lambda: feed.connection.phase == "refused", "the refusal")
    feed.stop()
    assert "invalid credentials" in feed.connection.reason
