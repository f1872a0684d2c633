"""When to send, and when to stop."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable

from config.stop_request import StopRequest
from dataflows.messages import MessageBatch
from sim.publishers import Publisher

logger = logging.getLogger(__name__)

_SLICE = 0.1  # seconds until a request to stop is noticed
_SHORTEST_SLEEP = 0.005  # seconds; messages that come due within it are sent together
_LAG = 2.0  # seconds behind schedule from which on there is a warning


class Pacer:
    """Maps the times of a stream to the monotonic clock, so that pacing does not drift over long runs.

    Args:
        stop: ends every wait.
        speed: seconds of the stream per second; infinite for no waiting.
        start: the time of the stream that corresponds to now, microseconds; ``None`` for that of the first
            message.
        clock: monotonic, in seconds.
        sleep: waits for a number of seconds.

    Attributes:
        meanwhile: called in every `wait`, and again at least every tenth of a second while it lasts.
    """

    def __init__(
        self,
        stop: StopRequest,
        *,
        speed: float = 1.0,
        start: int | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._stop = stop
        self._speed = speed
        self._start = start
        self._clock = clock
        self._sleep = sleep
        self.meanwhile: Callable[[], None] = lambda: None
        self._began = clock()
        self._lag: float | None = None

    def wait(self, due: int) -> float:
        """Wait until the stream reaches a time, or a stop is requested.

        Args:
            due: microseconds.

        Returns:
            The time that the stream has reached, microseconds; infinite if there is no waiting.
        """
        if math.isinf(self._speed):
            return math.inf
        if self._start is None:
            self._start = due
        due_at = self._began + (due - self._start) / 1e6 / self._speed
        self._note_lag(self._clock() - due_at)
        self.meanwhile()
        while not self._stop.requested and (remaining := due_at - self._clock()) > 0.0:
            self._sleep(min(max(remaining, _SHORTEST_SLEEP), _SLICE))
            self.meanwhile()
        return self._start + (self._clock() - self._began) * self._speed * 1e6

    def _note_lag(self, lag: float) -> None:
        """Warn when falling behind; catching up after a warm-up is not falling behind."""
        if self._lag is None or lag < self._lag:
            self._lag = max(lag, 0.0)
        elif lag > _LAG + 2.0 * self._lag:  # less and less often as it gets worse
            logger.warning(
                "%.1f s behind schedule: the broker or this machine cannot keep up with this many events", lag
            )
            self._lag = lag


def publish_paced(batch: MessageBatch, publisher: Publisher, pacer: Pacer, stop: StopRequest) -> int:
    """Publish every message of a batch when the stream reaches its time of arrival.

    Returns:
        How many were published: fewer than all only after a request to stop.
    """
    sent = 0
    while sent < len(batch) and not stop.requested:
        reached = pacer.wait(batch.arrived[sent])
        if stop.requested:
            break
        end = sent + 1
        while end < len(batch) and batch.arrived[end] <= reached:
            end += 1
        sent += publisher.publish(batch.part(sent, end))
    return sent
