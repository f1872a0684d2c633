"""Topic templates: what they subscribe to, and the vehicle and signal that they read from topics."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.client import topic_matches_sub

from config.errors import SettingsError
from config.topic_template import TopicTemplate

PARTS = ["a", "{_}", "+"]
levels = st.text(alphabet="ab ü.-$", max_size=3)


@pytest.mark.parametrize(
    ("text", "topic_filter"),
    [
        ("fleet/telemetry/+", "fleet/telemetry/+"),
        ("cars/{vehicle}/telemetry", "cars/+/telemetry"),
        ("{_}/{vehicle}/{signal}/#", "+/+/+/#"),
        ("$share/job/cars/{vehicle}", "$share/job/cars/+"),
    ],
)
def test_placeholders_become_wildcards_of_one_level(text: str, topic_filter: str) -> None:
    assert TopicTemplate(text).filter == topic_filter


@pytest.mark.parametrize(
    ("text", "topic", "vehicle", "signal"),
    [
        ("cars/{vehicle}/telemetry", "cars/van-1/telemetry", "van-1", ""),
        ("{vehicle}/{signal}", "van-1/speed", "van-1", "speed"),
        ("vss/{vehicle}/{signal}/#", "vss/van-1/door/left/open", "van-1", "door/left/open"),
        ("vss/{vehicle}/{signal}/#", "vss/van-1/speed", "van-1", "speed"),
        ("vss/{vehicle}/#", "vss/van-1/a/b", "van-1", ""),
        ("vss/{vehicle}/#", "vss/van-1", "van-1", ""),
        ("$share/job/cars/{vehicle}/x", "cars/van-1/x", "van-1", ""),
        ("{_}/{signal}/+/{vehicle}", "eu/speed/7/van-1", "van-1", "speed"),
        ("cars/{vehicle}/telemetry", "other/van-1/telemetry", "", ""),
        ("cars/{vehicle}/telemetry", "cars/van-1", "", ""),
        ("cars/{vehicle}/telemetry", "trip-7", "trip-7", ""),
        ("cars/+", "cars/van-1", "van-1", ""),
        ("#", "a/b/van-1", "van-1", ""),
        ("cars.*/{vehicle}", "carsxx/van-1", "", ""),
    ],
)
def test_vehicle_and_signal_are_read_where_the_template_has_them(
    text: str, topic: str, vehicle: str, signal: str
) -> None:
    template = TopicTemplate(text)
    assert (template.vehicle_of(topic), template.signal_of(topic)) == (vehicle, signal)


@given(
    before=st.lists(st.sampled_from(PARTS), max_size=3),
    after=st.lists(st.sampled_from(PARTS), max_size=3),
    topic=st.lists(levels, min_size=1, max_size=7).map("/".join),
    tail=st.sampled_from([[], ["#"]]),
)
def test_a_vehicle_is_read_from_exactly_those_topics_that_the_subscription_matches(
    before: list[str], after: list[str], topic: str, tail: list[str]
) -> None:
    template = TopicTemplate("/".join([*before, "{vehicle}", *after, *tail]))
    parts = topic.split("/")
    # MQTT keeps topics with a dollar sign in front from wildcards; a broker never sends those.
    if len(parts) > 1 and not topic.startswith("$"):
        is_subscribed = topic_matches_sub(template.filter, topic)
        assert template.vehicle_of(topic) == (parts[len(before)] if is_subscribed else "")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("cars/{id}", "expected {vehicle}, {signal} or {_} as a whole level of the topic, got '{id}'"),
        ("cars/car-{vehicle}", "as a whole level of the topic, got 'car-{vehicle}'"),
        ("{vehicle}/{vehicle}", "expected {vehicle} once in the topic, got it several times"),
    ],
)
def test_what_is_no_template_is_an_error(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match="expected") as caught:
        TopicTemplate(text)
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("fleet/telemetry/+", "fleet/telemetry/V"),
        ("cars/{vehicle}/telemetry", "cars/V/telemetry"),
        ("{_}/+/{vehicle}", "_/_/V"),
        ("fleet.telemetry", "fleet.telemetry"),
    ],
)
def test_a_vehicle_publishes_to_a_topic_that_the_template_reads(text: str, topic: str) -> None:
    template = TopicTemplate(text)
    assert template.topic_of("V") == topic
    if template.last_level_varies or template.names_vehicle:
        assert template.vehicle_of(topic) == "V"


def test_a_signal_is_published_to_a_topic_that_the_template_reads() -> None:
    template = TopicTemplate("cars/{vehicle}/{_}/{signal}")
    topic = template.topic_of("V", "speed")
    assert topic == "cars/V/_/speed"
    assert (template.vehicle_of(topic), template.signal_of(topic)) == ("V", "speed")


def test_no_topic_holds_all_signals_if_each_has_its_own() -> None:
    with pytest.raises(SettingsError, match="expected a topic for all signals"):
        TopicTemplate("{vehicle}/{signal}").topic_of("V")
