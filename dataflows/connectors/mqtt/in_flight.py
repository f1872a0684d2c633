"""Messages in flight to an MQTT broker: published with QoS 1 and not confirmed yet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from dataflows.connectors.mqtt.packets import (
    DUP,
    FAILURE,
    PUBLISH,
    QOS_1,
    RETAIN,
    PubackReader,
    encoded_topic,
    publish_packet,
    topic_of,
)

PACKET_IDENTIFIERS = 65_535
"""Messages that can be unacknowledged in one direction (MQTT 5, 2.2.1: the identifier has 16 bits)."""


class Refusal(NamedTuple):
    """A message that the broker has refused.

    Attributes:
        topic: of the message.
        reason: why, as the standard words it.
    """

    topic: str
    reason: str


class InFlight:
    """The PUBLISH packets that are not confirmed yet, in the order in which they were sent.

    One thread publishes; another one may read the PUBACKs.

    Args:
        version_5: whether packets have properties, as in MQTT 5.
        on_confirmed: called with the number of messages that were confirmed, and the first of them that was
            refused, if one was.
    """

    def __init__(self, *, version_5: bool, on_confirmed: Callable[[int, Refusal | None], None]) -> None:
        self._properties = b"\x00" if version_5 else b""
        self._on_confirmed = on_confirmed
        self._unconfirmed: dict[int, bytes] = {}
        self._identifier = 0

    def packets(self, messages: Sequence[tuple[str, bytes]], *, retain: bool) -> list[bytes]:
        """The packets of (topic, payload) pairs; they count as unconfirmed from now on.

        Raises:
            ValueError: a topic or a payload is longer than a packet can hold; nothing may be sent.
            OverflowError: the broker left a message unconfirmed while all other identifiers were used.
        """
        first = bytes([PUBLISH | QOS_1 | (RETAIN if retain else 0)])
        properties, unconfirmed = self._properties, self._unconfirmed
        packets = []
        identifier = self._identifier
        for topic, payload in messages:
            identifier = identifier % PACKET_IDENTIFIERS + 1
            if identifier in unconfirmed:
                raise OverflowError
            packet = publish_packet(first, encoded_topic(topic), identifier, properties, payload)
            packets.append(packet)
            unconfirmed[identifier] = packet
        self._identifier = identifier
        return packets

    def repeated(self) -> list[bytes]:
        """The unconfirmed packets in order, with the DUP flag, for a new connection (MQTT 5, 3.3.1.1)."""
        return [bytes([packet[0] | DUP]) + packet[1:] for packet in self._unconfirmed.values()]

    def first_topic(self) -> str | None:
        """Topic of the oldest unconfirmed message; ``None`` if there is none."""
        # In one step: the other thread may remove a packet meanwhile.
        oldest = next(iter(list(self._unconfirmed.values())), None)
        return None if oldest is None else topic_of(oldest)

    def reader(self) -> PubackReader:
        """What takes the PUBACKs out of a new connection."""
        return PubackReader(self._acknowledged)

    def _acknowledged(self, identifiers: list[int], refused: tuple[int, int] | None) -> None:
        refusal = None
        if refused is not None:
            identifier, code = refused
            packet = self._unconfirmed.get(identifier)
            refusal = None if packet is None else Refusal(topic_of(packet), _reason(code))
        count = 0
        for identifier in identifiers:
            count += self._unconfirmed.pop(identifier, None) is not None
        self._on_confirmed(count, refusal)


def _reason(code: int) -> str:
    try:
        return str(ReasonCode(PacketTypes.PUBACK, identifier=code))
    except (KeyError, ValueError):  # the standard has no such code for a PUBACK
        return str(ReasonCode(PacketTypes.PUBACK, identifier=FAILURE))
