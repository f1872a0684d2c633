"""Publishes the markers of `benchmarks.page`."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Self

from benchmarks.page.load import connected
from benchmarks.page.markers import message_of
from config.broker_settings import MqttSettings


class MarkerPublisher:
    """Publishes markers.

    Attributes:
        published: when each of those of `start` was published, milliseconds since the epoch.
    """

    def __init__(self, mqtt: MqttSettings, topic: str, run: str) -> None:
        self.published: list[float] = []
        self._topic, self._run = topic, run
        self._client = connected(mqtt)
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def publish(self, number: int) -> float:
        """Open a marker, and return when: milliseconds since the epoch."""
        topic, payload = message_of(self._run, number)
        now = 1000.0 * time.time()
        self._client.publish(f"{self._topic}/{topic}", payload, qos=1, retain=True)
        return now

    def start(self, due: Sequence[float]) -> None:
        """Publish markers 0, 1, 2 … when they are due, seconds from now on.

        In a thread: browsers that do not answer in time must not put off what shows that they do not.
        """

        def publish() -> None:
            begin = time.monotonic()
            for number, at in enumerate(due):
                if self._stopping.wait(max(0.0, begin + at - time.monotonic())):
                    return
                self.published.append(self.publish(number))

        self._thread = threading.Thread(target=publish, name="markers", daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Return when all markers are published."""
        if self._thread is not None:
            self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self.wait()
        self._client.disconnect()
        self._client.loop_stop()
