"""A socket with buffers, so that a small MQTT packet costs no system call of its own."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from paho.mqtt.client import SocketLike

READ_AT_ONCE = 65_536
MOST_UNSENT = 262_144
"""Bytes; with more of them, `BufferedSocket.send` says that it would block."""


class BufferedSocket:
    """What paho wants of a socket, around one that does not block.

    paho reads a packet in three parts or more and writes each packet by itself. Each time the network thread
    gives up the interpreter's lock, which a thread that computes hands back only milliseconds later.

    Any thread may write; one reads.

    Args:
        connection: the socket; TLS is fine.
        taking: is given what was received, keeps what it is for, and returns the rest.

    Attributes:
        heard: when bytes came last, by `time.monotonic`; 0 before any did.
    """

    def __init__(self, connection: SocketLike, taking: Callable[[bytes], bytes] | None = None) -> None:
        self._connection = connection
        self._taking = taking
        # Also around reading, which does not block: with TLS one thread at a time may use a connection.
        self._lock = threading.RLock()
        self._received = b""
        self._position = 0
        self._unsent = bytearray()
        self._broken: OSError | None = None
        self.heard = 0.0

    def recv(self, buffer_size: int) -> bytes:
        """Up to so many bytes, from what was received before if there is any.

        Raises:
            BlockingIOError, ssl.SSLWantReadError: there is nothing yet.
            OSError: the connection is gone.
        """
        if self._position == len(self._received):
            received = self._receive(max(READ_AT_ONCE, buffer_size))
            self.heard = time.monotonic()
            if received and self._taking is not None:
                received = self._taking(received)
                if not received:
                    raise BlockingIOError
            self._received, self._position = received, 0
        start, self._position = self._position, min(self._position + buffer_size, len(self._received))
        return self._received[start : self._position]

    def _receive(self, size: int) -> bytes:
        with self._lock:
            try:
                return self._connection.recv(size)
            except (BlockingIOError, ssl.SSLWantReadError):
                # Only now: the last that came may be a DISCONNECT that says why.
                if self._broken is not None:
                    raise self._broken from None
                raise

    def pending(self) -> int:
        """Bytes that `recv` gives without asking the network."""
        inner = self._connection.pending() if isinstance(self._connection, ssl.SSLSocket) else 0
        return len(self._received) - self._position + inner

    def send(self, buffer: bytes | bytearray) -> int:
        """Take bytes, to be sent by `flush`.

        Raises:
            BlockingIOError: too many are waiting.
        """
        with self._lock:
            if self._broken is not None:
                raise self._broken
            if len(self._unsent) >= MOST_UNSENT:
                self.flush()
                if len(self._unsent) >= MOST_UNSENT:
                    raise BlockingIOError
            self._unsent += buffer
        return len(buffer)

    def write(self, packets: Iterable[bytes]) -> None:
        """Send packets, however many; those that the network does not take now are left to `flush`."""
        with self._lock:
            if self._broken is None:
                self._unsent += b"".join(packets)
                self.flush()

    def flush(self) -> None:
        """Send what the network takes now; the rest is `unsent`, until it is gone or the connection is."""
        with self._lock:
            try:
                while self._unsent:
                    del self._unsent[: self._connection.send(self._unsent)]
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                pass
            except OSError as error:
                # Half a packet may be on its way: nothing may follow it. paho is told when it reads or writes
                # next, and connects again; what was not acknowledged comes again then.
                self._unsent.clear()
                self._broken = error

    @property
    def unsent(self) -> bool:
        """Whether `flush` has more to do, once the socket can be written to."""
        return bool(self._unsent)

    def close(self) -> None:
        """Send what can be sent, such as a DISCONNECT, and close."""
        # Under the lock: else another thread could write to what has the descriptor's number next.
        with self._lock:
            with suppress(OSError, ValueError):
                self.flush()
            self._connection.close()

    def fileno(self) -> int:
        """Of the socket; -1 once it is closed."""
        return self._connection.fileno()

    def setblocking(self, flag: bool) -> None:
        """As the socket's."""
        self._connection.setblocking(flag)
