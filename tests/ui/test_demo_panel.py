"""The demo panel: what the simulator did beside what was found, and only where a setting asks for it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from uuid import uuid4

import msgspec
import pytest

from config.settings import Settings, SinkSettings, SourceSettings, load
from dataflows.events import InjectedFault
from scripts.brokers.kafka_process import Cluster
from scripts.brokers.process import Broker
from scripts.waiting import wait_until
from tests.support.enriched_events import START, payload
from tests.support.kafka_clients import create_topic
from tests.support.kafka_clients import publish as publish_to_kafka
from tests.support.mqtt_clients import publish
from tests.support.shown_alerts import alert, cleared
from tests.support.staged_page import StagedFeed, opened, text
from ui.demo.findings import AFTERWARDS, findings
from ui.live.injected_faults import InjectedFaults
from ui.live.kafka_feed import KafkaFeed
from ui.live.mqtt_feed import MqttFeed

MINUTE = timedelta(minutes=1)


def fault(vehicle_id: str = "VEH-1", number: int = 0, seconds: float = 60.0) -> InjectedFault:
    starts_at = START + timedelta(seconds=number)
    return InjectedFault(
        fault_id=f"{vehicle_id}-{number}",
        vehicle_id=vehicle_id,
        kind="coolant_leak",
        signals=("engine_temperature",),
        starts_at=starts_at,
        ends_at=starts_at + timedelta(seconds=seconds),
    )


def record(faults: InjectedFaults, announced: Sequence[InjectedFault]) -> None:
    for each in announced:
        faults.record(msgspec.json.encode(each))


@pytest.mark.parametrize(
    ("opened_after", "is_found"), [(-1, False), (0, True), (9, True), (119, True), (121, False)]
)
def test_an_alert_finds_a_fault_if_it_opens_during_it_or_soon_after(
    opened_after: int, is_found: bool
) -> None:
    [found] = findings([fault()], [alert("VEH-2", 5), cleared("VEH-1", opened_after)], START + MINUTE)
    assert found.seconds == (float(opened_after) if is_found else None)


def test_of_several_alerts_the_first_counts() -> None:
    [found] = findings([fault()], [alert("VEH-1", 30, subject="fuel"), alert("VEH-1", 8)], START)
    assert found.seconds == 8.0


def test_a_fault_without_an_alert_may_be_found_until_a_while_after_its_end() -> None:
    end = START + MINUTE
    said = [
        (each.is_over, each.may_follow)
        for at in (START, end, end + AFTERWARDS, end + 2 * AFTERWARDS)
        for each in findings([fault()], [], at)
    ]
    assert said == [(False, True), (True, True), (True, True), (True, False)]


def test_a_fault_that_is_announced_again_has_its_new_end() -> None:
    faults = InjectedFaults()
    record(faults, [fault(seconds=600.0), fault(seconds=5.0)])
    assert [each.ends_at - each.starts_at for each in faults.latest(9)] == [timedelta(seconds=5)]
    assert faults.version == 2


def test_faults_are_listed_latest_first_and_the_oldest_are_dropped() -> None:
    faults = InjectedFaults(max_faults=3)
    record(faults, [fault(number=number) for number in range(5)])
    assert [each.fault_id for each in faults.latest(2)] == ["VEH-1-4", "VEH-1-3"]
    assert len(faults.latest(9)) == 3


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"nonsense",
        b"{}",
        msgspec.json.encode(fault()).replace(b"Z", b""),
        re.sub(rb'(?<="starts_at":")\d{4}', b"9999", msgspec.json.encode(fault())),
    ],
)
def test_what_is_no_fault_or_has_no_time_that_can_be_shown_is_ignored(message: bytes) -> None:
    faults = InjectedFaults()
    faults.record(message)
    assert faults.latest(9) == []
    assert faults.version == 0


@pytest.fixture
def feed(monkeypatch: pytest.MonkeyPatch) -> StagedFeed:
    monkeypatch.setenv("FLEET__PAGE__DEMO", "true")
    staged = StagedFeed(load())
    staged.state.record(payload("VEH-1"))
    monkeypatch.setattr("ui.page.shared_feed", lambda: (load(), staged))
    return staged


def test_the_panel_says_what_was_found_and_after_how_long(feed: StagedFeed) -> None:
    feed.show(alert("VEH-1", 9))
    feed.now += 300.0
    record(feed.faults, [fault("VEH-1"), fault("VEH-2"), fault("VEH-3", 280)])
    page = opened()
    lines = [line for line in text(page).splitlines() if "coolant leak" in line]
    assert len(lines) == 3
    assert "going on" in lines[0]
    assert "no alert yet" in lines[0]
    assert "found after 9 s" in next(line for line in lines if "engine_temperature" in line)
    assert sum("not found" in line for line in lines) == 1
    assert "What the simulator did" in text(page)


def test_there_is_no_panel_unless_a_setting_asks_for_it(
    feed: StagedFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEET__PAGE__DEMO", "false")
    record(feed.faults, [fault()])
    assert "simulator" not in text(opened())


def of_demo(settings: Settings, topic: str, *, is_demo: bool) -> Settings:
    topics = settings.topics.model_copy(update={"ground_truth": topic, "enriched": f"{topic}/enriched"})
    page = settings.page.model_copy(update={"demo": is_demo})
    return settings.model_copy(update={"topics": topics, "page": page})


@pytest.mark.parametrize("is_demo", [True, False])
def test_only_the_page_of_a_demo_reads_the_ground_truth_over_mqtt(
    private_broker: Broker, topic: str, is_demo: bool
) -> None:
    mqtt = private_broker.settings()
    feed = MqttFeed(of_demo(load().model_copy(update={"mqtt": mqtt}), topic, is_demo=is_demo))
    feed.start()
    try:

        def arrives() -> bool:
            messages = [(topic, msgspec.json.encode(fault())), (f"{topic}/enriched/VEH-1", payload("VEH-1"))]
            publish(mqtt, messages)
            return bool(feed.state.snapshot().vehicles)

        wait_until(arrives, "an event")
        if is_demo:
            wait_until(lambda: feed.faults.latest(9) == [fault()], "the fault")
        else:
            assert feed.faults.latest(9) == []
    finally:
        feed.stop()


def test_the_page_of_a_demo_reads_the_ground_truth_over_kafka(kafka_cluster: Cluster) -> None:
    topic = f"test-{uuid4().hex[:12]}"
    base = of_demo(load(), topic, is_demo=True)
    settings = base.model_copy(
        update={
            "kafka": kafka_cluster.settings(connect_timeout=5.0),
            "source": SourceSettings(kind="kafka"),
            "sink": SinkSettings(kind="kafka"),
        }
    )
    create_topic(kafka_cluster, topic)
    feed = KafkaFeed(settings)
    feed.start()
    try:
        publish_to_kafka(kafka_cluster, topic, [("", msgspec.json.encode(fault()))])
        wait_until(lambda: feed.faults.latest(9) == [fault()], "the fault")
    finally:
        feed.stop()
