"""The socket that reads ahead, and writes whole series of packets without mixing them."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dataflows.connectors.mqtt.buffered_socket import READ_AT_ONCE, BufferedSocket
from scripts.waiting import DEADLINE

LARGE = bytes(number % 251 for number in range(8_000_000))
"""More than any socket buffers."""


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


class InThread:
    """A call in a thread of its own; its exception is raised by `result`."""

    def __init__(self, call: Callable[..., Any], *arguments: Any) -> None:
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, args=(call, *arguments), daemon=True)
        self._thread.start()

    def has_ended(self, within: float = DEADLINE) -> bool:
        self._thread.join(within)
        return not self._thread.is_alive()

    def result(self) -> None:
        assert self.has_ended(), "the call did not return"
        if self._error is not None:
            raise self._error

    def _run(self, call: Callable[..., Any], *arguments: Any) -> None:
        try:
            call(*arguments)
        except Exception as error:
            self._error = error


def test_bytes_that_come_together_are_returned_in_pieces_and_in_order(
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


def test_more_than_is_read_at_once_can_be_asked_for(pair: tuple[BufferedSocket, socket.socket]) -> None:
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


def test_packets_are_written_as_one(pair: tuple[BufferedSocket, socket.socket]) -> None:
    near, far = pair
    near.write([b"ab", b"cd"])
    assert far.recv(100) == b"abcd"


def test_a_write_returns_when_the_network_has_accepted_everything(
    pair: tuple[BufferedSocket, socket.socket],
) -> None:
    near, far = pair
    writing = InThread(near.write, [LARGE])
    assert not writing.has_ended(within=0.2)
    assert everything(far, len(LARGE)) == LARGE
    writing.result()


def test_while_one_thread_waits_to_write_another_one_reads(
    pair: tuple[BufferedSocket, socket.socket],
) -> None:
    near, far = pair
    writing = InThread(near.write, [LARGE])
    assert not writing.has_ended(within=0.2)
    far.sendall(b"meanwhile")
    assert near.recv(100) == b"meanwhile"
    everything(far, len(LARGE))
    writing.result()


def test_during_a_write_a_send_would_block_and_is_not_mixed_into_it(
    pair: tuple[BufferedSocket, socket.socket],
) -> None:
    near, far = pair
    writing = InThread(near.write, [LARGE])
    assert not writing.has_ended(within=0.2)
    with pytest.raises(BlockingIOError):
        near.send(b"ping")
    assert everything(far, len(LARGE)) == LARGE
    writing.result()
    assert near.send(b"ping") == 4
    assert far.recv(100) == b"ping"


def test_a_write_waits_until_the_rest_of_a_send_has_followed(
    pair: tuple[BufferedSocket, socket.socket],
) -> None:
    near, far = pair
    sent = near.send(LARGE)
    assert sent < len(LARGE)
    with pytest.raises(BlockingIOError):
        near.send(LARGE[sent:])
    writing = InThread(near.write, [b"next packet"])
    received = everything(far, sent)
    while sent < len(LARGE):
        assert not writing.has_ended(within=0.0)
        sent += near.send(LARGE[sent:])
        received += everything(far, sent - len(received))
    writing.result()
    after = b"next packet"
    received += everything(far, len(LARGE + after) - len(received))
    assert received == LARGE + after


def test_a_peer_that_accepts_nothing_for_the_timeout_loses_the_connection() -> None:
    near, far = socket.socketpair()
    buffered = BufferedSocket(near, write_timeout=0.2)
    buffered.setblocking(False)
    InThread(buffered.write, [LARGE]).result()
    with pytest.raises(TimeoutError, match=r"accepted no bytes for 0\.2 s"):
        buffered.send(b"ping")
    assert buffered.recv(1) == b""  # so that a thread that waits to read notices as well
    buffered.close()
    far.close()


def test_closing_ends_a_write(pair: tuple[BufferedSocket, socket.socket]) -> None:
    near, _ = pair
    writing = InThread(near.write, [LARGE])
    assert not writing.has_ended(within=0.2)
    near.close()
    writing.result()
    assert near.fileno() == -1


def test_closing_ends_a_write_that_waits_for_the_rest_of_a_send(
    pair: tuple[BufferedSocket, socket.socket],
) -> None:
    near, _ = pair
    assert near.send(LARGE) < len(LARGE)
    writing = InThread(near.write, [b"next packet"])
    assert not writing.has_ended(within=0.2)
    near.close()
    writing.result()


def test_a_connection_lost_in_a_write_fails_the_next_send_and_what_came_before_is_read(
    pair: tuple[BufferedSocket, socket.socket],
) -> None:
    near, far = pair
    far.sendall(b"why")
    far.close()
    near.write([b"a"])
    for _ in range(2):
        with pytest.raises(OSError, match="pipe"):
            near.send(b"b")
    near.write([b"c"])
    assert [near.recv(3), near.recv(1)] == [b"why", b""]


def test_what_is_taken_out_is_not_returned() -> None:
    near, far = socket.socketpair()
    buffered = BufferedSocket(near, lambda received: received.replace(b"x", b""))
    buffered.setblocking(False)
    far.sendall(b"axb")
    assert buffered.recv(100) == b"ab"
    far.sendall(b"xx")
    with pytest.raises(BlockingIOError):
        buffered.recv(100)
    buffered.close()
    far.close()
