"""PUBLISH packets with QoS 1 and the PUBACKs for them, against the standard's own layout of both."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.connectors.mqtt.in_flight import PACKET_IDENTIFIERS, InFlight, Refusal
from dataflows.connectors.mqtt.packets import DUP, PINGRESP, PubackReader


def puback(identifier: int, reason: int | None = None, *, words: str = "") -> bytes:
    """As in MQTT 5, 3.4; with `words` it has a reason string of more than 127 bytes."""
    body = identifier.to_bytes(2, "big")
    if reason is not None:
        body += bytes([reason])
    if words:
        text = b"\x1f" + len(words).to_bytes(2, "big") + words.encode()
        body += bytes([len(text) & 0x7F | 0x80, len(text) >> 7]) + text
        return b"\x40" + bytes([len(body) & 0x7F | 0x80, len(body) >> 7]) + body
    return b"\x40" + bytes([len(body)]) + body


class Confirmations:
    def __init__(self) -> None:
        self.count = 0
        self.refusals: list[Refusal] = []

    def __call__(self, count: int, refusal: Refusal | None) -> None:
        self.count += count
        if refusal is not None:
            self.refusals.append(refusal)


def new_in_flight(*, version_5: bool = True) -> tuple[InFlight, Confirmations]:
    confirmations = Confirmations()
    return InFlight(version_5=version_5, on_confirmed=confirmations), confirmations


packets = st.one_of(
    st.builds(puback, st.integers(1, 65535), st.sampled_from([None, 0, 0x10, 0x87])),
    st.builds(lambda identifier: puback(identifier, 0x87, words="w" * 200), st.integers(1, 65535)),
    st.sampled_from([PINGRESP, b"\x20\x03\x00\x00\x00", b"\xe0\x01\x8b"]),
)


@given(st.lists(packets, max_size=60), st.lists(st.integers(0, 600), max_size=6).map(sorted))
def test_wherever_the_stream_is_cut_all_pubacks_are_taken_and_all_else_is_left(
    sent: Sequence[bytes], cuts: Sequence[int]
) -> None:
    taken: list[int] = []
    refusals: list[tuple[int, int]] = []

    def on_acknowledged(identifiers: list[int], refused: tuple[int, int] | None) -> None:
        taken.extend(identifiers)
        if refused is not None:
            refusals.append(refused)

    stream, left = b"".join(sent), b""
    reader = PubackReader(on_acknowledged)
    for start, stop in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        left += reader.take(stream[start:stop])
    pubacks = [packet for packet in sent if packet[0] == 0x40]
    identifiers = [
        int.from_bytes(packet[3:5] if len(packet) > 127 else packet[2:4], "big") for packet in pubacks
    ]
    assert taken == identifiers
    assert left == b"".join(packet for packet in sent if packet[0] != 0x40)
    refused = [
        (identifier, 0x87)
        for identifier, packet in zip(identifiers, pubacks, strict=True)
        if b"\x87" in packet[4:6]
    ]
    assert refusals[:1] == refused[:1]


@pytest.mark.parametrize("count", [3, 300])
def test_a_refusal_among_many_is_reported_with_its_topic_and_reason(count: int) -> None:
    in_flight, confirmations = new_in_flight()
    in_flight.packets([(f"a/{number}", b"x") for number in range(1, count + 1)], retain=False)
    acknowledged = b"".join(puback(number, 0x87 if number == 2 else 0) for number in range(1, count + 1))
    in_flight.reader().take(acknowledged)
    assert confirmations.count == count
    assert confirmations.refusals == [Refusal("a/2", "Not authorized")]


def test_a_puback_that_comes_twice_or_for_nothing_counts_once() -> None:
    in_flight, confirmations = new_in_flight()
    in_flight.packets([("a/b", b"x")], retain=False)
    in_flight.reader().take(puback(1) + puback(1) + puback(7))
    assert confirmations.count == 1


@pytest.mark.parametrize("length", [0, 1, 127, 128, 20_000])
@pytest.mark.parametrize("retain", [False, True])
def test_packets_are_as_the_standard_defines_them(length: int, retain: bool) -> None:
    in_flight, _ = new_in_flight()
    [packet] = in_flight.packets([("a/\u00e4", b"x" * length)], retain=retain)
    assert packet[0] == 0x32 | retain
    size, place = 0, 1
    while True:
        size |= (packet[place] & 0x7F) << 7 * (place - 1)
        place += 1
        if not packet[place - 1] & 0x80:
            break
    assert len(packet) == place + size
    assert packet[place:] == b"\x00\x04a/\xc3\xa4" + b"\x00\x01" + b"\x00" + b"x" * length


def test_mqtt_3_has_no_properties() -> None:
    in_flight, _ = new_in_flight(version_5=False)
    assert in_flight.packets([("a", b"x")], retain=False) == [b"\x32\x06\x00\x01a\x00\x01x"]


def test_unconfirmed_packets_are_repeated_in_their_order_and_marked() -> None:
    in_flight, _ = new_in_flight()
    first, second, third = in_flight.packets([("a", b"1"), ("a", b"2"), ("a", b"3")], retain=True)
    in_flight.reader().take(puback(2))
    assert in_flight.repeated() == [bytes([packet[0] | DUP]) + packet[1:] for packet in (first, third)]
    assert second not in in_flight.repeated()


def test_the_oldest_unconfirmed_message_names_its_topic() -> None:
    in_flight, _ = new_in_flight()
    assert in_flight.first_topic() is None
    in_flight.packets([("a", b"x" * 200), ("ä/b", b"x" * 200)], retain=False)
    assert in_flight.first_topic() == "a"
    in_flight.reader().take(puback(1))
    assert in_flight.first_topic() == "ä/b"


def test_an_identifier_is_not_used_again_before_it_is_confirmed() -> None:
    in_flight, _ = new_in_flight()
    in_flight.packets([("a", b"x")] * PACKET_IDENTIFIERS, retain=False)
    with pytest.raises(OverflowError):
        in_flight.packets([("a", b"x")], retain=False)
    in_flight.reader().take(puback(1))
    [packet] = in_flight.packets([("a", b"x")], retain=False)
    assert packet == b"\x32\x07\x00\x01a\x00\x01\x00x"


@pytest.mark.parametrize("topic", ["", "a/+/b", "a/#", "x" * 65_536])
def test_a_topic_that_nobody_can_publish_to_is_an_error(topic: str) -> None:
    in_flight, _ = new_in_flight()
    with pytest.raises(ValueError, match="topic"):
        in_flight.packets([(topic, b"x")], retain=False)


def test_a_reason_code_that_the_standard_does_not_define_is_still_a_refusal() -> None:
    in_flight, confirmations = new_in_flight()
    in_flight.packets([("a/b", b"x")] * 2, retain=False)
    in_flight.reader().take(puback(1, 0x85) + puback(2, 0xFF))
    assert confirmations.count == 2
    assert confirmations.refusals == [Refusal("a/b", "Unspecified error")]


@pytest.mark.parametrize(
    "packet", [b"\x40\x80\x80\x80\x80", b"\x40\x80\x80\x00", b"\x40\x81\x00\xff", b"\x40\x01\x00"]
)
def test_a_malformed_puback_is_left_to_paho(packet: bytes) -> None:
    in_flight, confirmations = new_in_flight()
    assert in_flight.reader().take(packet) == packet
    assert confirmations.count == 0
