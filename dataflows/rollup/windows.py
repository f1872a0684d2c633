"""The windows of each vehicle, with Bytewax's windowing operator."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Self

import bytewax.operators as op
import bytewax.operators.windowing as win
from bytewax.operators import KeyedStream
from bytewax.operators.windowing import (
    Clock,
    ClockLogic,
    TumblingWindower,
    WindowLogic,
    WindowMetadata,
    _SlidingWindowerLogic,
    _SlidingWindowerState,
)

from dataflows.clock import EPOCH, utc
from dataflows.rollup.run import Run
from dataflows.rollup.shard_runs import Part, Progress
from dataflows.stored_state import ROLLUP_TIME, Stored

START_OF_TIME = utc(-62_135_596_800_000_000)
"""The first moment that `datetime` has: before any event, and the watermark until there is one."""


class VehicleClock(Clock[Progress, Stored]):
    """A clock that knows event time only.

    Bytewax's own also moves on with the clock on the wall while nothing comes. After a restart it would be
    ahead by the time that the job was down, and would drop as late what it had counted before.
    """

    def build(self, resume_state: Stored | None) -> VehicleClockLogic:
        return VehicleClockLogic(resume_state)


class VehicleClockLogic(ClockLogic[Progress, Stored]):
    """The watermark of one part of a vehicle, as its progress says; it never falls."""

    def __init__(self, stored: Stored | None) -> None:
        self._watermark = START_OF_TIME if stored is None else utc(ROLLUP_TIME.unwrap(stored))

    def before_batch(self) -> None:
        pass

    def on_item(self, value: Progress) -> tuple[datetime, datetime]:
        self._watermark = max(self._watermark, utc(value.watermark))
        if value.run is None:
            # What only moves the watermark opens no window, as it is late itself.
            return START_OF_TIME, self._watermark
        return utc(value.run.end - 1), self._watermark

    def on_notify(self) -> datetime:
        return self._watermark

    def on_eof(self) -> datetime:
        # Whether windows close at the end is decided where the events are known.
        return self._watermark

    def to_system_utc(self, timestamp: datetime) -> datetime | None:
        return None

    def snapshot(self) -> Stored:
        return ROLLUP_TIME.wrap((self._watermark - EPOCH) // timedelta(microseconds=1))


class RunMerger(WindowLogic[Progress, Run, Stored]):
    """Merges the runs of one window of a vehicle, and returns the result when it closes."""

    def __init__(self, names: Sequence[str], stored: Stored | None) -> None:
        self._names = names
        self._run = None if stored is None else Run.restored(stored, names)

    def on_value(self, value: Progress) -> Iterable[Run]:
        if value.run is not None:
            self._run = value.run if self._run is None else self._run.merged(value.run)
        return ()

    def on_merge(self, original: Self) -> Iterable[Run]:
        raise AssertionError("tumbling windows never merge")

    def on_close(self) -> Iterable[Run]:
        return () if self._run is None else (self._run,)

    def snapshot(self) -> Stored:
        assert self._run is not None
        return self._run.stored(self._names)


class InOrder(TumblingWindower):
    """Tumbling windows, of which those that close together do so in their order, not in that of opening."""

    def build(self, resume_state: _SlidingWindowerState | None) -> _InOrderLogic:
        logic = super().build(resume_state)
        return _InOrderLogic(logic.length, logic.offset, logic.align_to, logic.state)


class _InOrderLogic(_SlidingWindowerLogic):
    def close_for(self, watermark: datetime) -> Iterable[tuple[int, WindowMetadata]]:
        return sorted(super().close_for(watermark), key=lambda closed: closed[0])


def windows(
    step_id: str, up: KeyedStream[Progress], names: Sequence[str], size: timedelta
) -> KeyedStream[Run]:
    """Merge the runs of each vehicle and window, until the vehicle's watermark has passed its end.

    Returns them by vehicle, those that close together in their order.

    Args:
        step_id: names the step; also part of the key under which its state is recovered.
        up: progress, by the key of a `Part`.
        names: the signals of the catalogue, in its order.
        size: length of a window.
    """
    windower = InOrder(length=size, align_to=EPOCH)
    # Otherwise runs would wait for the watermark, and then in the order of their windows, not of events.
    out = win.window(
        step_id, up, VehicleClock(), windower, lambda stored: RunMerger(names, stored), ordered=False
    )
    return op.map("merged", out.down, lambda closed: (Part.of(closed[0]).vehicle, closed[1][1]))
