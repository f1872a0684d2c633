"""The page's subscriber against a real Kafka."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
from kafka.admin import ACLOperation

from config.settings import Settings, SinkSettings, load
from dataflows.connectors.kafka.producer import ConfirmedProducer
from dataflows.events import AlertAction
from scripts.brokers.kafka_process import Cluster, KafkaBroker, StartKafka
from scripts.brokers.ports import free_port
from scripts.waiting import wait_until
from tests.support.enriched_events import payload
from tests.support.kafka_clients import AUTHORIZER, allow_only, create_topic
from tests.support.kafka_clients import publish as kafka_publish
from tests.support.shown_alerts import alert, cleared, message, place
from ui.actions.kafka_actions import KafkaActions
from ui.live import kafka_feed
from ui.live.kafka_feed import KafkaFeed

Follow = Callable[[Settings], KafkaFeed]


@pytest.fixture
def follow() -> Iterator[Follow]:
    """Starts feeds, and stops them at the end."""
    started: list[KafkaFeed] = []

    def start(settings: Settings) -> KafkaFeed:
        started.append(KafkaFeed(settings))
        started[-1].start()
        return started[-1]

    yield start
    for feed in started:
        feed.stop()


def settings_of(cluster: Cluster) -> Settings:
    """Settings with topics that no other test uses; they do not exist yet."""
    base = load()
    name = f"test-{uuid4().hex[:12]}"
    topics = base.topics.model_copy(
        update={
            "enriched": name,
            "dead_letter": f"{name}.dead-letter",
            "alerts": f"{name}/alerts",
            "alert_actions": f"{name}/actions",
        }
    )
    kafka = cluster.settings(connect_timeout=5.0)
    return base.model_copy(update={"topics": topics, "kafka": kafka, "sink": SinkSettings(kind="kafka")})


@pytest.fixture
def fleet(kafka_cluster: Cluster) -> Settings:
    """Settings with topics that exist."""
    settings = settings_of(kafka_cluster)
    create_topic(kafka_cluster, settings.topics.enriched, partitions=3)
    create_topic(kafka_cluster, settings.topics.dead_letter)
    return settings


def publish(settings: Settings, topic: str, *messages: tuple[str, bytes]) -> None:
    """What the dataflow writes with, lz4 included."""
    producer = ConfirmedProducer(settings.kafka, "test")
    producer.publish(topic, [key for key, _ in messages], [value for _, value in messages])
    producer.close()


def connected(feed: KafkaFeed) -> None:
    wait_until(lambda: feed.connection.phase == "connected", "a connection")


def test_vehicles_that_sent_before_appear_at_once_and_do_not_count_as_live(
    fleet: Settings, follow: Follow
) -> None:
    names = [f"VEH-{number}" for number in range(40)]
    publish(fleet, fleet.topics.enriched, *((name, payload(name)) for name in names))
    feed = follow(fleet)
    wait_until(lambda: feed.state.snapshot().vehicles.keys() == set(names), "40 vehicles")
    assert feed.state.snapshot().events_per_second == 0.0


def test_live_events_dead_letters_and_nonsense_are_distinguished(fleet: Settings, follow: Follow) -> None:
    publish(fleet, fleet.topics.dead_letter, ("", b"{}"))
    feed = follow(fleet)
    connected(feed)
    publish(fleet, fleet.topics.enriched, ("a", payload("a", 1)), ("a", payload("a", 2)), ("b", b"nonsense"))
    publish(fleet, fleet.topics.dead_letter, ("", b'{"nonsense": 1}'))

    def all_there() -> bool:
        state = feed.state.snapshot()
        return (state.events, state.undecodable, state.dead_letters) == (2, 1, 1)

    wait_until(all_there, "two events, one undecodable message and one dead letter since the page started")
    wait_until(lambda: feed.state.snapshot().events_per_second > 0.0, "events count as live")


def test_only_the_latest_events_are_read_at_the_start(
    fleet: Settings, follow: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_feed, "CATCH_UP", 30)
    publish(fleet, fleet.topics.enriched, *(("a", payload("a", number)) for number in range(100)))
    feed = follow(fleet)
    connected(feed)
    publish(fleet, fleet.topics.enriched, ("a", payload("a", 100)))
    wait_until(lambda: any(event.event_id == "a/100" for event in feed.state.history("a")), "the last event")
    assert [event.event_id for event in feed.state.history("a")] == [f"a/{n}" for n in range(90, 101)]


def test_topics_that_are_created_later_are_found(
    kafka_cluster: Cluster, follow: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_feed, "LOOK_EVERY", 0.2)
    settings = settings_of(kafka_cluster)
    feed = follow(settings)
    connected(feed)
    create_topic(kafka_cluster, settings.topics.enriched)
    publish(settings, settings.topics.enriched, ("a", payload("a", 1)))
    wait_until(lambda: feed.state.snapshot().events == 1, "the event")


def test_alerts_are_read_from_the_beginning_and_go_with_an_empty_message(
    kafka_cluster: Cluster, fleet: Settings, follow: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_feed, "CATCH_UP", 1)
    monkeypatch.setattr(kafka_feed, "LOOK_EVERY", 0.2)
    feed = follow(fleet)
    connected(feed)
    wait_until(lambda: "there is no topic" in feed.alerts_trouble, "that the topic is missing, in words")
    create_topic(kafka_cluster, fleet.alerts_topic, partitions=2)
    names = [f"VEH-{number}" for number in range(10)]
    before = [(place(alert(name)), message(alert(name))) for name in names]
    publish(fleet, fleet.alerts_topic, *before, (place(alert("VEH-3")), message(cleared("VEH-3"))))

    def states() -> dict[str, str]:
        return {each.vehicle_id: each.state for each in feed.alerts.snapshot().alerts}

    expected = dict.fromkeys(names, "open") | {"VEH-3": "cleared"}
    wait_until(lambda: states() == expected, "the alerts")
    assert feed.alerts_trouble == ""
    kafka_publish(kafka_cluster, fleet.alerts_topic, [(place(alert("VEH-3")), None)])
    del expected["VEH-3"]
    wait_until(lambda: states() == expected, "one alert less")

    another = follow(fleet)
    wait_until(lambda: len(another.alerts.snapshot().alerts) == 9, "all of them on a page started later")


@pytest.mark.long
def test_refused_alerts_and_actions_are_said_in_words_and_the_rest_goes_on(
    kafka: StartKafka, follow: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_feed, "ASK_AGAIN_AFTER", 3.0)
    cluster = kafka(lines=AUTHORIZER).cluster
    settings = settings_of(cluster)
    for topic in (settings.topics.enriched, settings.alerts_topic, settings.actions_topic):
        create_topic(cluster, topic)
    publish(settings, settings.alerts_topic, (place(alert()), message(alert())))
    allow_only(cluster, settings.alerts_topic, ACLOperation.WRITE)
    allow_only(cluster, settings.actions_topic, ACLOperation.READ)
    feed = follow(settings)
    wait_until(lambda: "not authorized" in feed.alerts_trouble, "the refusal in words")
    publish(settings, settings.topics.enriched, ("a", payload("a", 1)))
    wait_until(lambda: feed.state.snapshot().events == 1, "the event")
    assert feed.connection.phase == "connected"

    action = AlertAction(action="acknowledge", by="Kim", alert_id=alert().alert_id)
    (reason,) = KafkaActions(settings).publish([("VEH-1", action)])
    assert "authoriz" in reason.lower()

    allow_only(cluster, settings.alerts_topic, ACLOperation.READ)
    wait_until(lambda: len(feed.alerts.snapshot().alerts) == 1, "the alert, once it may be read")
    assert feed.alerts_trouble == ""


@pytest.mark.long
def test_a_broker_that_goes_away_and_returns_is_shown_and_no_event_is_missed(
    restartable_kafka: KafkaBroker, follow: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_feed, "LOOK_EVERY", 0.2)
    broker = restartable_kafka
    settings = settings_of(broker.cluster)
    create_topic(broker.cluster, settings.topics.enriched)
    feed = follow(settings)
    connected(feed)
    publish(settings, settings.topics.enriched, ("a", payload("a", 1)))
    wait_until(lambda: feed.state.snapshot().events == 1, "the first event")
    broker.stop()
    wait_until(lambda: feed.connection.phase == "lost", "the loss")
    assert feed.connection.reason
    broker.start()
    publish(settings, settings.topics.enriched, ("a", payload("a", 2)))
    wait_until(lambda: feed.state.snapshot().events == 2, "the event after it")
    assert feed.connection.phase == "connected"


def test_a_cluster_that_does_not_answer_is_unreachable(
    fleet: Settings, follow: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_feed, "PATIENCE", 600)
    nowhere = fleet.kafka.model_copy(update={"bootstrap": f"127.0.0.1:{free_port()}"})
    feed = follow(fleet.model_copy(update={"kafka": nowhere}))
    wait_until(lambda: feed.connection.phase == "unreachable", "the reason")
    assert feed.connection.reason == "Connection refused"
