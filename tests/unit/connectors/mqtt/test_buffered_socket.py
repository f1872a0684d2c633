"""The buffers around an MQTT connection's socket."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from dataflows.connectors.mqtt.buffered_socket import MOST_UNSENT, READ_AT_ONCE, BufferedSocket


@pytest.fixture
def pair() -> Iterator[tuple[BufferedSocket, socket.socket]]:
    near, far = socket.socketpair()
    buffered = BufferedSocket(near)
    buffered.setblocking(False)
    far.settimeout(5.0)
    yield buffered, far
    buffered.close()
    far.close()


def everything(far: socket.socket, length: int) -> bytes:
    received = b""
    while len(received) < length:
        received += far.recv(1 << 20)
    return received


def test_what_came_at_once_is_handed_over_in_pieces_and_in_order(
    pair: tuple[BufferedSocket, socket.socket],
) -> None:
    near, far = pair
    far.sendall(b"abcdef")
    assert [near.recv(1), near.recv(2)] == [b"a", b"bc"]
    assert near.pending() == 3
    assert near.recv(100) == b"def"
    assert near.pending() == 0


def test_without_anything_to_read_it_says_that_it_would_block(
    pair: tuple[BufferedSocket, socket.socket],
) -> None:
    with pytest.raises(BlockingIOError):
        pair[0].recv(1)


def test_more_than_the_buffer_can_be_asked_for(pair: tuple[BufferedSocket, socket.socket]) -> None:
    near, far = pair
    sent = bytes(READ_AT_ONCE)
    far.sendall(sent)
    received = b""
    while len(received) < len(sent):
        received += near.recv(10 * READ_AT_ONCE)
    assert received == sent


def test_the_end_of_the_connection_is_read_after_what_came_before(
    pair: tuple[BufferedSocket, socket.socket],
) -> None:
    near, far = pair
    far.sendall(b"a")
    far.close()
    assert [near.recv(1), near.recv(1)] == [b"a", b""]


def test_what_is_sent_leaves_with_the_flush_as_one(pair: tuple[BufferedSocket, socket.socket]) -> None:
    near, far = pair
    far.setblocking(False)
    assert near.send(b"ab") == 2
    near.send(b"cd")
    with pytest.raises(BlockingIOError):
        far.recv(1)
    assert near.unsent
    near.flush()
    assert not near.unsent
    assert far.recv(100) == b"abcd"


def test_what_the_network_does_not_take_yet_is_sent_later_in_order(
    pair: tuple[BufferedSocket, socket.socket],
) -> None:
    near, far = pair
    sent = bytes(number % 251 for number in range(2 * MOST_UNSENT))
    taken = near.send(sent)
    with pytest.raises(BlockingIOError):
        near.send(b"more")
    assert near.unsent
    received = b""
    while near.unsent:
        received += far.recv(1 << 20)
        near.flush()
    assert received + everything(far, taken - len(received)) == sent


def test_closing_sends_what_waits(pair: tuple[BufferedSocket, socket.socket]) -> None:
    near, far = pair
    near.send(b"goodbye")
    near.close()
    assert everything(far, 7) == b"goodbye"
    assert near.fileno() == -1


def test_a_flush_to_a_closed_connection_is_told_at_the_next_write_and_what_came_before_is_read(
    pair: tuple[BufferedSocket, socket.socket],
) -> None:
    near, far = pair
    far.sendall(b"why")
    far.close()
    near.send(b"a")
    near.flush()
    near.write([b"b"])
    assert not near.unsent
    with pytest.raises(OSError, match="pipe"):
        near.send(b"c")
    assert [near.recv(3), near.recv(1)] == [b"why", b""]


def test_when_bytes_came_last_is_known(pair: tuple[BufferedSocket, socket.socket]) -> None:
    near, far = pair
    assert near.heard == 0.0
    before = time.monotonic()
    far.sendall(b"a")
    near.recv(1)
    assert before <= near.heard <= time.monotonic()
