"""A socket that reads ahead and writes many packets at once: a small packet costs no system call."""

from __future__ import annotations

import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress

READ_AT_ONCE = 65_536
"""Bytes."""

WRITE_TIMEOUT = 60.0
"""Seconds; unless the caller says otherwise."""

SLICE = 0.1
"""Seconds: how soon a thread that waits to write notices that the connection was closed."""

WOULD_BLOCK = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class BufferedSocket:
    """What paho needs of a socket, around one that does not block.

    paho reads a packet in three parts or more and writes each packet separately. Every system call of the
    network thread releases the interpreter's lock, and a thread that computes returns it milliseconds later.

    Any thread may `write`; it finishes what it writes before it returns. paho's network thread must never
    wait, since it also reads what the broker says meanwhile: `send` writes what the network accepts now. One
    of them writes at a time, so that packets do not mix.

    Args:
        connection: the socket, with or without TLS.
        take: gets what was received, keeps what it wants, and returns the rest.
        write_timeout: seconds without a single byte sent after which `write` breaks the connection.
    """

    def __init__(
        self,
        connection: socket.socket,
        take: Callable[[bytes], bytes] | None = None,
        write_timeout: float = WRITE_TIMEOUT,
    ) -> None:
        self._connection = connection
        self._take = take
        self._write_timeout = write_timeout
        self._received = b""
        self._position = 0
        self._broken: OSError | None = None
        # Around single calls of the socket: with TLS, only one thread at a time may use a connection, and
        # after closing, the descriptor's number may belong to another one.
        self._lock = threading.RLock()
        # Held by the thread that is in the middle of a packet; by paho's until the packet is complete.
        self._turn = threading.Lock()
        self._send_is_incomplete = False

    def recv(self, buffer_size: int) -> bytes:
        """At most `buffer_size` bytes, without a system call if they were read ahead.

        Raises:
            BlockingIOError, ssl.SSLWantReadError: there is nothing yet.
            OSError: the connection is lost.
        """
        if self._position == len(self._received):
            received = self._receive(max(READ_AT_ONCE, buffer_size))
            if received and self._take is not None:
                received = self._take(received)
                if not received:
                    raise BlockingIOError
            self._received, self._position = received, 0
        start, self._position = self._position, min(self._position + buffer_size, len(self._received))
        return self._received[start : self._position]

    def _receive(self, size: int) -> bytes:
        with self._lock:
            try:
                return self._connection.recv(size)
            except WOULD_BLOCK:
                # Only now: the last bytes may be a DISCONNECT that says why.
                if self._broken is not None:
                    raise self._broken from None
                raise

    def pending(self) -> int:
        """Bytes that `recv` returns without asking the network."""
        inner = self._connection.pending() if isinstance(self._connection, ssl.SSLSocket) else 0
        return len(self._received) - self._position + inner

    def send(self, buffer: bytes | bytearray) -> int:
        """Send part of a packet of paho's; the rest of it is to follow in further calls.

        Returns:
            how many bytes were sent.

        Raises:
            BlockingIOError: the network accepts nothing now, or a `write` is under way.
            OSError: the connection is lost.
        """
        with self._lock:
            if self._broken is not None:
                raise self._broken
            if not self._send_is_incomplete and not self._turn.acquire(blocking=False):
                raise BlockingIOError
            # Also if nothing is sent: TLS may have encrypted the packet, which must come next then.
            self._send_is_incomplete = True
            sent = self._send(buffer)
            if not sent:
                raise BlockingIOError
            if sent == len(buffer):
                self._end_turn_of_send()
        return sent

    def write(self, packets: Iterable[bytes]) -> None:
        """Send packets, and return when all of them are sent or the connection is lost.

        A lost connection is no error here: paho reads it, and what was not acknowledged is sent again later.
        """
        unsent = memoryview(b"".join(packets))
        with self._turn, suppress(OSError):
            deadline = time.monotonic() + self._write_timeout
            while unsent:
                sent = self._send(unsent)
                unsent = unsent[sent:]
                if sent:
                    deadline = time.monotonic() + self._write_timeout
                elif time.monotonic() > deadline:
                    self._abort()
                else:
                    self._wait_until_writable()

    def close(self) -> None:
        """Close the connection; a `write` under way returns."""
        with self._lock:
            self._break(OSError("the connection was closed"))
            self._connection.close()

    def fileno(self) -> int:
        """Of the socket; -1 once it is closed."""
        return self._connection.fileno()

    def setblocking(self, flag: bool) -> None:
        """As the socket's."""
        self._connection.setblocking(flag)

    def _send(self, data: bytes | bytearray | memoryview) -> int:
        """Bytes sent now; 0 if the network accepts none.

        Raises:
            OSError: the connection is lost.
        """
        with self._lock:
            if self._broken is not None:
                raise self._broken
            try:
                return self._connection.send(data)
            except WOULD_BLOCK:
                return 0
            except OSError as error:
                # Part of a packet may be sent already, so nothing may follow it.
                self._break(error)
                raise

    def _wait_until_writable(self) -> None:
        with suppress(ValueError):  # closed by another thread
            select.select([], [self._connection], [], SLICE)

    def _abort(self) -> None:
        """Give up the connection, so that the network thread, which may be waiting to read, notices."""
        with self._lock:
            self._break(TimeoutError(f"the broker accepted no bytes for {self._write_timeout:g} s"))
            # Not that of an SSLSocket, which would then read what is encrypted as if it were not.
            socket.socket.shutdown(self._connection, socket.SHUT_RDWR)

    def _break(self, error: OSError) -> None:
        self._broken = self._broken or error
        if self._send_is_incomplete:
            self._end_turn_of_send()

    def _end_turn_of_send(self) -> None:
        self._send_is_incomplete = False
        self._turn.release()
