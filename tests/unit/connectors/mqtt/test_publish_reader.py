"""PUBLISH packets taken out of what an MQTT broker sends, and the PUBACKs for them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.connectors.mqtt.packets import PINGRESP, Delivery, PublishReader, pubacks

EXPIRY = b"\x02\x00\x00\x00\x3c"
"""Message Expiry Interval, a property of MQTT 5 (3.3.2.3.3)."""


def length(number: int) -> bytes:
    encoded = b""
    while number >= 0x80:
        encoded += bytes([number & 0x7F | 0x80])
        number >>= 7
    return encoded + bytes([number])


def publish(delivery: Delivery, *, properties: bytes | None = b"", retain: bool = False) -> bytes:
    """As in MQTT 5, 3.3; without `properties` as in MQTT 3.1.1."""
    topic = delivery.topic.encode()
    body = len(topic).to_bytes(2, "big") + topic
    qos = delivery.packet_identifier > 0
    if qos:
        body += delivery.packet_identifier.to_bytes(2, "big")
    if properties is not None:
        body += length(len(properties)) + properties
    body += delivery.payload
    return bytes([0x30 | qos << 1 | delivery.is_repeated << 3 | retain]) + length(len(body)) + body


deliveries = st.builds(
    Delivery,
    payload=st.binary(max_size=300),
    topic=st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=20),
    packet_identifier=st.integers(0, 65535),
    is_repeated=st.booleans(),
)
others = st.sampled_from([PINGRESP, b"\x20\x03\x00\x00\x00", b"\x90\x04\x00\x01\x00\x01", b"\xe0\x01\x8b"])


@given(
    st.lists(st.one_of(deliveries, others), max_size=20),
    st.lists(st.integers(0, 4000), max_size=6).map(sorted),
    st.sampled_from([None, b"", EXPIRY, EXPIRY * 40]),
    st.booleans(),
)
def test_wherever_the_stream_is_cut_messages_are_whole_and_in_order_and_all_else_is_left(
    sent: Sequence[Delivery | bytes], cuts: Sequence[int], properties: bytes | None, retain: bool
) -> None:
    taken: list[Delivery] = []
    stream = b"".join(
        part if isinstance(part, bytes) else publish(part, properties=properties, retain=retain)
        for part in sent
    )
    reader, left = PublishReader(version_5=properties is not None, on_delivered=taken.extend), b""
    for start, stop in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        left += reader.take(stream[start:stop])
    assert taken == [part for part in sent if isinstance(part, Delivery)]
    assert left == b"".join(part for part in sent if isinstance(part, bytes))


def test_messages_that_come_together_are_reported_together() -> None:
    counts: list[int] = []
    reader = PublishReader(version_5=True, on_delivered=lambda messages: counts.append(len(messages)))
    reader.take(publish(Delivery(b"x", "a", 1, is_repeated=False)) * 30)
    reader.take(PINGRESP)
    assert counts == [30]


def test_a_topic_that_is_not_utf8_does_not_lose_its_message() -> None:
    taken: list[Delivery] = []
    reader = PublishReader(version_5=False, on_delivered=taken.extend)
    reader.take(b"\x32\x07\x00\x02a\xff\x00\x01x")
    assert taken == [Delivery(b"x", "a\\xff", 1, is_repeated=False)]


@pytest.mark.parametrize(
    "packet",
    [
        pytest.param(b"\x34\x07\x00\x01a\x00\x01\x00x", id="quality of service 2"),
        pytest.param(b"\x32\x04\x00\x09ab", id="a topic longer than the packet"),
        pytest.param(b"\x32\x05\x00\x01a\x00\x01", id="no properties"),
        pytest.param(b"\x30\x80\x80\x80\x80\x01\x00\x01a\x00x", id="a length of five bytes"),
    ],
)
def test_a_packet_that_it_cannot_read_is_left_to_paho(packet: bytes) -> None:
    taken: list[Delivery] = []
    reader = PublishReader(version_5=True, on_delivered=taken.extend)
    assert reader.take(packet) == packet
    assert not taken


def test_pubacks_are_as_the_standard_defines_them() -> None:
    assert pubacks([1, 513]) == [b"\x40\x02\x00\x01", b"\x40\x02\x02\x01"]
