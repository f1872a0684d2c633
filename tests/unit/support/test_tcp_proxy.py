"""The proxy of the fault tests: a test that believes in a fault which does not happen proves nothing."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

import pytest

from scripts.brokers.ports import LOCALHOST, free_port
from scripts.waiting import DEADLINE, wait_until
from tests.support.tcp_proxy import TcpProxy

A_WHILE = 0.2
"""Seconds in which nothing may happen."""


class Ends(NamedTuple):
    """Both ends of a connection through the proxy."""

    client: socket.socket
    server: socket.socket


class Network:
    """A proxy before a server that accepts and does nothing by itself."""

    def __init__(self, proxy: TcpProxy, listener: socket.socket) -> None:
        self.proxy = proxy
        self._listener = listener
        self._open: list[socket.socket] = []

    def call(self, opening: bytes = b"hello") -> socket.socket:
        """A client that has said something."""
        client = self._kept(socket.create_connection((LOCALHOST, self.proxy.port), DEADLINE))
        client.sendall(opening)
        return client

    def answer(self, opening: bytes = b"hello", within: float = DEADLINE) -> socket.socket:
        """The server's end of the next connection that comes."""
        self._listener.settimeout(within)
        server = self._kept(self._listener.accept()[0])
        server.settimeout(DEADLINE)
        assert read(server, len(opening)) == opening
        return server

    def connect(self, opening: bytes = b"hello") -> Ends:
        client = self.call(opening)
        return Ends(client, self.answer(opening))

    def close(self) -> None:
        for one in self._open:
            one.close()

    def _kept(self, one: socket.socket) -> socket.socket:
        self._open.append(one)
        return one


@pytest.fixture
def network() -> Iterator[Network]:
    with socket.create_server((LOCALHOST, 0)) as listener, TcpProxy(listener.getsockname()[1]) as proxy:
        network = Network(proxy, listener)
        yield network
        network.close()


def read(end: socket.socket, count: int) -> bytes:
    """So many bytes; fewer if they end before."""
    received = b""
    while len(received) < count and (more := end.recv(count - len(received))):
        received += more
    return received


def hears_nothing(end: socket.socket) -> bool:
    """Whether neither bytes nor an end of the connection come for a while."""
    end.settimeout(A_WHILE)
    try:
        end.recv(1)
    except TimeoutError:
        return True
    finally:
        end.settimeout(DEADLINE)
    return False


def is_reset(end: socket.socket) -> bool:
    try:
        end.recv(1)
    except ConnectionResetError:
        return True
    return False


def test_bytes_go_both_ways_unchanged(network: Network) -> None:
    ends = network.connect()
    there, back = bytes(range(256)) * 2000, b"answer" * 10_000
    ends.client.sendall(there)
    assert read(ends.server, len(there)) == there
    ends.server.sendall(back)
    assert read(ends.client, len(back)) == back


def test_a_side_that_has_said_all_can_still_be_answered(network: Network) -> None:
    ends = network.connect()
    ends.client.shutdown(socket.SHUT_WR)
    assert ends.server.recv(1) == b""
    ends.server.sendall(b"answer")
    ends.server.close()
    assert read(ends.client, 100) == b"answer"
    wait_until(lambda: network.proxy.connections() == 0, "end of the connection")


def test_a_server_that_is_not_there_is_a_reset_connection() -> None:
    with (
        TcpProxy(free_port()) as proxy,
        socket.create_connection((LOCALHOST, proxy.port), DEADLINE) as client,
    ):
        client.sendall(b"hello")
        assert is_reset(client)


def test_a_server_that_breaks_the_connection_breaks_it_for_the_client(network: Network) -> None:
    ends = network.connect()
    network.proxy.freeze()
    ends.client.sendall(b"never read")
    network.proxy.thaw()
    wait_until(lambda: ends.server.recv(5, socket.MSG_PEEK) == b"never", "bytes at the server")
    ends.server.close()  # with bytes unread: TCP says reset
    assert is_reset(ends.client)


def test_what_is_sent_while_frozen_is_held_and_delivered_afterwards(network: Network) -> None:
    ends = network.connect()
    network.proxy.freeze()
    ends.client.sendall(b"there")
    ends.server.sendall(b"back")
    assert hears_nothing(ends.server)
    assert hears_nothing(ends.client)
    network.proxy.thaw()
    assert read(ends.server, 5) == b"there"
    assert read(ends.client, 4) == b"back"


def test_a_frozen_connection_takes_no_more_than_its_buffers(network: Network) -> None:
    ends = network.connect()
    network.proxy.freeze()
    ends.client.settimeout(A_WHILE)
    sent = 0
    with suppress(TimeoutError):
        while sent < 1_000_000_000:
            sent += ends.client.send(bytes(1_000_000))
    assert sent < 100_000_000
    network.proxy.thaw()
    assert len(read(ends.server, sent)) == sent


def test_a_frozen_connection_does_not_tell_that_the_other_side_has_left(network: Network) -> None:
    ends = network.connect()
    network.proxy.freeze()
    ends.client.sendall(b"last words")
    ends.client.close()
    assert hears_nothing(ends.server)
    network.proxy.thaw()
    assert read(ends.server, 100) == b"last words"


def test_a_connection_made_while_frozen_is_accepted_and_goes_on_afterwards(network: Network) -> None:
    network.proxy.freeze()
    client = network.call()
    with pytest.raises(TimeoutError):
        network.answer(within=A_WHILE)
    assert hears_nothing(client)
    network.proxy.thaw()
    network.answer().sendall(b"answer")
    assert read(client, 6) == b"answer"


def test_a_connection_made_while_frozen_and_given_up_never_reaches_the_server(network: Network) -> None:
    network.proxy.freeze()
    network.call(b"given up").close()
    network.call(b"patient")
    wait_until(lambda: network.proxy.connections(b"patient") == 1, "the second connection")
    network.proxy.thaw()
    network.answer(b"patient")


def test_a_black_hole_drops_what_is_sent_and_resets_both_ends_afterwards(network: Network) -> None:
    ends = network.connect()
    network.proxy.black_hole()
    late = network.call()
    ends.client.sendall(bytes(10_000_000))
    ends.server.sendall(bytes(10_000_000))
    assert hears_nothing(ends.server)
    assert hears_nothing(ends.client)
    assert hears_nothing(late)
    network.proxy.thaw()
    assert all(is_reset(end) for end in (*ends, late))
    network.connect()


def test_a_black_hole_does_not_tell_that_the_other_side_has_left(network: Network) -> None:
    ends = network.connect()
    network.proxy.black_hole()
    ends.client.close()
    assert hears_nothing(ends.server)
    network.proxy.thaw()
    assert is_reset(ends.server)


def test_a_cut_resets_both_ends_and_lets_new_connections_through(network: Network) -> None:
    ends = network.connect()
    assert network.proxy.cut() == 1
    assert is_reset(ends.server)
    assert is_reset(ends.client)
    network.connect()


def test_what_clients_have_been_sent_is_counted_by_connection(network: Network) -> None:
    network.connect(b"hello from sink").server.sendall(bytes(7))
    ends = network.connect(b"hello from source")
    ends.client.sendall(bytes(1000))
    ends.server.sendall(bytes(100_000))
    assert len(read(ends.client, 100_000)) == 100_000
    wait_until(lambda: network.proxy.delivered(b"source") == 100_000, "the last bytes counted")
    wait_until(lambda: network.proxy.delivered() == 100_007, "all bytes counted")


def test_a_throttled_connection_crawls_until_the_limit_is_lifted(network: Network) -> None:
    ends = network.connect()
    sent = bytes(1_000_000)
    network.proxy.throttle(100)
    ends.client.sendall(sent)
    first = ends.server.recv(len(sent))
    assert len(first) <= 100
    network.proxy.throttle()
    assert len(first + read(ends.server, len(sent) - len(first))) == len(sent)


@pytest.mark.parametrize("fault", ["freeze", "black_hole", "cut", "throttle"])
def test_a_fault_befalls_only_connections_that_began_with_its_marker(network: Network, fault: str) -> None:
    spared, struck = network.connect(b"hello from source"), network.connect(b"hello from sink")
    if fault == "throttle":
        network.proxy.throttle(1, b"sink")
    else:
        getattr(network.proxy, fault)(b"sink")
    for ends in (spared, struck):
        with suppress(ConnectionError):
            ends.client.sendall(b"there")
    assert read(spared.server, 5) == b"there"
    struck.server.settimeout(A_WHILE)
    with suppress(TimeoutError, ConnectionError):
        assert read(struck.server, 5) != b"there"


def test_a_frozen_proxy_can_be_ended() -> None:
    with TcpProxy(free_port()) as proxy:
        proxy.freeze()
        client = socket.create_connection((LOCALHOST, proxy.port), DEADLINE)
        client.sendall(b"hello")
        wait_until(lambda: proxy.connections(b"hello") == 1, "the connection")
    assert is_reset(client)
    client.close()
