"""A broker that answers each kind of packet as a test says, for what no real broker does on demand."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

CONNECT, PUBLISH, SUBSCRIBE, PINGREQ = 1, 3, 8, 12
"""Kinds of packets (MQTT 5, 2.1.2)."""

Answer = bytes | Callable[[bytes], bytes]
"""Bytes to send back, or a function from the packet's variable header and payload to them."""

HANG_UP = b"hang up"
"""The answer that closes the connection."""

CONNACK_OF_MQTT_5 = bytes([0x20, 3, 0, 0, 0])
"""Accepted, no session, no properties."""

SERVER_BUSY = bytes([0x20, 3, 0, 0x89, 0])
"""CONNACK of MQTT 5 with a refusal that may pass."""


def connack(receive_maximum: int) -> bytes:
    """CONNACK of MQTT 5 with the property Receive Maximum."""
    return bytes([0x20, 6, 0, 0, 3, 33, *receive_maximum.to_bytes(2, "big")])


def suback(reason: int) -> Answer:
    """SUBACK of MQTT 5 for one topic filter."""
    return lambda packet: bytes([0x90, 4, *packet[:2], 0, reason])


def packet_identifier(packet: bytes) -> bytes:
    """Of a PUBLISH with QoS 1."""
    topic_length = int.from_bytes(packet[:2], "big")
    return packet[2 + topic_length : 4 + topic_length]


def puback(identifier: bytes) -> bytes:
    """PUBACK for a packet identifier: success."""
    return bytes([0x40, 2, *identifier])


class ScriptedBroker:
    """Listens on ``port`` within its context; packets without an answer are read and ignored."""

    def __init__(self, answers: Mapping[int, Answer]) -> None:
        self._answers = answers
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._connections: list[socket.socket] = []
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._connections:
            connection.close()

    def send(self, packets: bytes) -> None:
        """Send to the client that connected last."""
        self._connections[-1].sendall(packets)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return  # the context has ended
            self._connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as stream:
            try:
                while first := stream.read(1):
                    answer = self._answers.get(first[0] >> 4, b"")
                    packet = stream.read(_remaining_length(stream.read))
                    if callable(answer):
                        answer = answer(packet)
                    if answer == HANG_UP:
                        return
                    connection.sendall(answer)
            except OSError:
                return  # the client, or the context, has closed the connection


def _remaining_length(read: Callable[[int], bytes]) -> int:
    """Decode a Variable Byte Integer (MQTT 5, 1.5.5)."""
    length = shift = 0
    while byte := read(1):
        length |= (byte[0] & 127) << shift
        shift += 7
        if byte[0] < 128:
            break
    return length
