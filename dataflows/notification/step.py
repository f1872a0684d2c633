"""The Bytewax step that tells channels: one state per channel, and threads that send."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

import bytewax.operators as op
from bytewax.dataflow import Stream
from bytewax.operators import KeyedStream, StatefulBatchLogic
from bytewax.outputs import DynamicSink, StatelessSinkPartition

from config.settings import Settings
from dataflows import metrics
from dataflows.clock import SECOND, utc
from dataflows.notification.back_off import BackOff
from dataflows.notification.channel import Channel, Group
from dataflows.notification.delivery import Deliveries
from dataflows.notification.grouping import Windows
from dataflows.notification.message import compose
from dataflows.notification.reading import Update
from dataflows.notification.routing import Route
from dataflows.notification.services import Service
from dataflows.notification.stored_channel import restore, store
from dataflows.stored_state import Stored

logger = logging.getLogger(__name__)

POLL = SECOND // 20
"""Microseconds until an answer is looked for again."""

LONGEST_SLEEP = 600 * SECOND
"""Microseconds after which a channel looks at the clock at the latest: it may have been set."""

LAST_WAIT = 3.0
"""Seconds that all channels together wait at the end for messages that are under way.

Less than a graceful shutdown may take; what was not answered by then is sent again at the next start.
"""

Clock = Callable[[], int]


def wall_clock() -> int:
    """Microseconds since 1970-01-01 UTC."""
    return time.time_ns() // 1000


class LastWait:
    """The time that all channels together wait at the end. It begins when it is asked for first."""

    def __init__(self) -> None:
        self._end: float | None = None

    def begin(self) -> float:
        """Seconds that are left, ≥ 0."""
        if self._end is None:
            self._end = time.monotonic() + LAST_WAIT
        return max(0.0, self._end - time.monotonic())

    @property
    def has_begun(self) -> bool:
        return self._end is not None


class ChannelLogic(StatefulBatchLogic[list[Update], str, Stored]):
    """A channel with what sends its messages. Emits the titles of messages that were accepted.

    Args:
        channel: what it is to be told.
        deliveries: send its messages.
        back_off: after one that was not accepted.
        clock: says what time it is.
        last_wait: of all channels.
    """

    def __init__(
        self,
        channel: Channel,
        deliveries: Deliveries,
        back_off: BackOff,
        clock: Clock,
        last_wait: LastWait,
    ) -> None:
        self._channel = channel
        self._deliveries = deliveries
        self._back_off = back_off
        self._clock = clock
        self._in_flight: tuple[Group, str] | None = None
        self._dropped = 0
        self._last_wait = last_wait

    def on_batch(self, values: list[list[Update]]) -> tuple[Iterable[str], bool]:
        for updates in values:
            self._channel.take(updates, self._clock())
        return self._go_on(), self.RETAIN

    def on_notify(self) -> tuple[Iterable[str], bool]:
        return self._go_on(), self.RETAIN

    def on_eof(self) -> tuple[Iterable[str], bool]:
        """Wait a little for the answer to a message that is under way, so that it is not sent again."""
        return self._collect(self._last_wait.begin()), self.RETAIN

    def notify_at(self) -> datetime | None:
        if self._last_wait.has_begun:
            return None
        now = self._clock()
        if self._in_flight is not None:
            return utc(now + POLL)
        due = self._channel.next_due(now)
        if due is None:
            return None
        return utc(min(max(due, self._back_off.earliest(now)), now + LONGEST_SLEEP))

    def snapshot(self) -> Stored:
        return store(self._channel)

    def _go_on(self) -> list[str]:
        sent = self._collect()
        now = self._clock()
        if self._in_flight is None and self._back_off.earliest(now) <= now:
            group = self._channel.due(now)
            if group is not None:
                message = compose(group, self._channel.route.zone)
                self._in_flight = group, message.title
                self._deliveries.start(message)
        self._count()
        return sent

    def _collect(self, timeout: float = 0.0) -> list[str]:
        """Note the answer to the message that is under way, if there is one."""
        if self._in_flight is None or (answer := self._deliveries.answer(timeout)) is None:
            return []
        (group, title), self._in_flight = self._in_flight, None
        (reason,), now, name = answer, self._clock(), self._channel.route.name
        if reason is None:
            self._back_off.succeeded()
            self._channel.sent(group, now)
            metrics.NOTIFICATIONS_SENT.labels(name).inc()
            return [title]
        seconds = self._back_off.failed(now)
        self._channel.failed(group, now)
        metrics.NOTIFICATIONS_FAILED.labels(name).inc()
        logger.warning("channel %s: %s; trying again in %g s", name, reason, seconds,
                       extra={"channel": name, "seconds": seconds})  # fmt: skip
        return []

    def _count(self) -> None:
        name = self._channel.route.name
        metrics.NOTIFICATIONS_WAITING.labels(name).set(self._channel.waiting)
        metrics.NOTIFICATIONS_DROPPED.labels(name).inc(self._channel.dropped - self._dropped)
        self._dropped = self._channel.dropped


class LogPartition(StatelessSinkPartition[tuple[str, str]]):
    """Writes to the log."""

    def write_batch(self, items: list[tuple[str, str]]) -> None:
        for name, title in items:
            logger.info("told %s: %s", name, title, extra={"channel": name})


class LogSink(DynamicSink[tuple[str, str]]):
    """Logs which channel was told what. Takes (name of the channel, title)."""

    def build(self, step_id: str, worker_index: int, worker_count: int) -> LogPartition:
        return LogPartition()


def restored_channel(settings: Settings, name: str, stored: Stored | None = None) -> Channel:
    """A channel of the settings, with what it knew.

    Args:
        settings: all settings.
        name: of the channel.
        stored: what was stored of it; ``None`` if it is new.

    Raises:
        SnapshotError: it cannot be read by this version.
    """
    channel = Channel(
        Route.of(name, settings.notify.channels[name]),
        Windows(round(settings.notify.group_within * SECOND)),
        keep=round(settings.alerts.keep_cleared * SECOND),
    )
    if stored is not None:
        restore(channel, stored)
    return channel


def tell(
    step_id: str,
    up: Stream[list[Update]],
    settings: Settings,
    services: Mapping[str, Service],
    clock: Clock = wall_clock,
) -> KeyedStream[str]:
    """Tell every channel what it wants to know, in a step of its own.

    Args:
        step_id: with the name of the channel, names its step; also the key under which its state is
            recovered.
        up: updates, those of one alert in order.
        settings: all settings.
        services: of each channel, by its name.
        clock: microseconds since 1970-01-01 UTC.

    Returns:
        Titles of the messages that were accepted, by the name of the channel.
    """
    last_wait = LastWait()

    def told(name: str) -> KeyedStream[str]:
        metrics.NOTIFICATIONS_SENT.labels(name)
        metrics.NOTIFICATIONS_FAILED.labels(name)

        def build(stored: Stored | None) -> ChannelLogic:
            channel = restored_channel(settings, name, stored)
            deliveries = Deliveries(name, services[name])
            return ChannelLogic(channel, deliveries, BackOff(settings.notify), clock, last_wait)

        # One key, so that one worker tells the channel, in order.
        keyed = op.key_on(f"{channel_step(step_id, name)}_key", up, lambda _: name)
        return op.stateful_batch(channel_step(step_id, name), keyed, build)

    return op.merge(f"{step_id}_all", *map(told, services))


def channel_step(step_id: str, name: str) -> str:
    """Id of the step that tells a channel."""
    return f"{step_id}_{name}"
