"""Messages on their way to an MQTT broker with QoS 1, until it has confirmed them.

paho makes a dozen objects and several system calls of every message and of every PUBACK: several times what
decoding, scoring and encoding its event takes. So the packets of a batch are built here, written as one, and
confirmed as many as are read at once; the connection and all that is rare stay with paho.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from dataflows.connectors.mqtt.acknowledgements import FAILURE, Acknowledgements
from dataflows.connectors.mqtt.packets import DUP, PUBLISH, length_bytes

PACKET_IDENTIFIERS = 65535
"""Messages that can be unacknowledged in one direction (MQTT 5, 2.2.1: the identifier has 16 bits)."""

LONGEST_TOPIC = 65535
"""Bytes (MQTT 5, 1.5.4)."""

PUBLISH_QOS_1 = PUBLISH | 0x02
RETAIN = 0x01
KNOWN_TOPICS = 65_536


class Publications:
    """The PUBLISH packets that are not confirmed yet, in the order in which they were sent.

    Args:
        version_5: whether packets have properties, as in MQTT 5.
        on_confirmed: called with the number of messages that were confirmed, and the reason if one of them
            was refused.
    """

    def __init__(self, *, version_5: bool, on_confirmed: Callable[[int, ReasonCode | None], None]) -> None:
        self._properties = b"\x00" if version_5 else b""
        self._on_confirmed = on_confirmed
        self._unconfirmed: dict[int, bytes] = {}
        self._identifier = 0
        self._topic = lru_cache(KNOWN_TOPICS)(_topic)

    def packets(self, messages: Sequence[tuple[str, bytes]], *, retain: bool) -> list[bytes]:
        """The packets of (topic, payload) pairs; they count as unconfirmed from now on.

        Raises:
            ValueError: a topic or a payload is longer than a packet can hold; nothing is to be sent.
            OverflowError: the broker left a message unconfirmed while all other identifiers were used.
        """
        first = bytes([PUBLISH_QOS_1 | retain])
        properties, unconfirmed = self._properties, self._unconfirmed
        packets = []
        identifier = self._identifier
        for topic, payload in messages:
            identifier = identifier % PACKET_IDENTIFIERS + 1
            if identifier in unconfirmed:
                raise OverflowError
            field = self._topic(topic)
            length = length_bytes(len(field) + 2 + len(properties) + len(payload))
            packet = b"".join((first, length, field, identifier.to_bytes(2, "big"), properties, payload))
            packets.append(packet)
            unconfirmed[identifier] = packet
        self._identifier = identifier
        return packets

    def repeated(self) -> list[bytes]:
        """What is unconfirmed, in its order, for a new connection: with the DUP flag (MQTT 5, 3.3.1.1)."""
        return [bytes([packet[0] | DUP]) + packet[1:] for packet in self._unconfirmed.values()]

    def acknowledgements(self) -> Acknowledgements:
        """What takes the PUBACKs of a new connection."""
        return Acknowledgements(self._acknowledged)

    def _acknowledged(self, identifiers: list[int], failure: int) -> None:
        count = 0
        for identifier in identifiers:
            count += self._unconfirmed.pop(identifier, None) is not None
        self._on_confirmed(count, _reason(failure) if failure else None)


def _reason(code: int) -> ReasonCode:
    try:
        return ReasonCode(PacketTypes.PUBACK, identifier=code)
    except (KeyError, ValueError):  # none that the standard has for a PUBACK
        return ReasonCode(PacketTypes.PUBACK, identifier=FAILURE)


def _topic(topic: str) -> bytes:
    """A topic as in a packet, its length first.

    Raises:
        ValueError: it is too long, or no topic to publish to.
    """
    encoded = topic.encode()
    if not 0 < len(encoded) <= LONGEST_TOPIC:
        raise ValueError(f"expected a topic of 1 to {LONGEST_TOPIC} bytes, got {len(encoded)}")
    if "+" in topic or "#" in topic:
        raise ValueError("a topic to publish to has no wildcards")
    return len(encoded).to_bytes(2, "big") + encoded
