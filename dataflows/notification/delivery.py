"""A message on its way, in a thread of its own: services block, and the dataflow must not."""

from __future__ import annotations

import queue
import threading
import time

from dataflows.notification.message import Message
from dataflows.notification.services import SENDER, Service

PATIENCE = 120.0
"""Seconds after which a service that neither accepts nor refuses a message has failed.

Apprise's own time limits, which depend on the service, are far below.
"""

MOST_STUCK = 4
"""Threads of a channel that may wait for a service that does not answer."""


class Deliveries:
    """Sends the messages of a channel, one at a time.

    Args:
        channel: its name.
        service: that accepts them.
    """

    def __init__(self, channel: str, service: Service) -> None:
        self._channel = channel
        self._service = service
        self._threads: list[threading.Thread] = []
        self._answers: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._since = 0.0

    def start(self, message: Message) -> None:
        """Send a message; `answer` says how it went."""
        # A thread that is stuck has the queue of its own message.
        answers: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._answers = answers
        self._since = time.monotonic()
        thread = threading.Thread(
            target=lambda: answers.put(self._service.send(message)),
            name=f"{SENDER}{self._channel}",
            # A daemon, so that a service that does not answer does not keep the process from exiting.
            daemon=True,
        )
        self._threads = [*filter(threading.Thread.is_alive, self._threads), thread]
        thread.start()

    def answer(self, timeout: float = 0.0) -> tuple[str | None] | None:
        """How it went with the message.

        Args:
            timeout: seconds to wait for it.

        Returns:
            ``None`` while it is under way; then a tuple of the reason why it was not accepted, or of ``None``
            if it was.
        """
        try:
            return (self._answers.get(timeout=timeout) if timeout > 0 else self._answers.get_nowait(),)
        except queue.Empty:
            stuck = sum(map(threading.Thread.is_alive, self._threads))
            if time.monotonic() - self._since < PATIENCE or stuck >= MOST_STUCK:
                return None
            return (f"no answer within {PATIENCE:g} s",)
