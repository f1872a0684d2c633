"""What the main threads of pages did, by Chromium's own trace.

The format is the Trace Event Format: https://www.chromium.org/developers/how-tos/trace-event-profiling-tool/
Times in it are microseconds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

CATEGORIES = ("toplevel", "devtools.timeline", "blink.user_timing")
"""Tasks of threads, WebSocket messages, and the marks of `MARK`."""

MARK = "viewer "
"""What the name of the mark (`performance.mark`) begins with by which a page says which viewer's it is."""

TASK, MESSAGE = "ThreadControllerImpl::RunTask", "WebSocketReceive"
MAIN_THREAD = "CrRendererMain"

Thread = tuple[int, int]
"""Process and thread."""


class _Data(msgspec.Struct, rename="camel"):
    data_length: int = 0


class _Arguments(msgspec.Struct):
    name: str = ""
    data: _Data | None = None


class TraceEvent(msgspec.Struct, kw_only=True):
    """An event of a trace.

    Attributes:
        name: what happened.
        ph: the kind of event: ``X`` complete, ``M`` metadata, others.
        pid: process.
        tid: thread.
        ts: when it began, microseconds.
        dur: how long it took, microseconds; 0 for an instant.
        tdur: processor time of the thread meanwhile, microseconds.
        args: what belongs to its kind; raw JSON, since it can be anything.
    """

    name: str
    ph: str
    pid: int
    tid: int
    ts: float = 0.0
    dur: float = 0.0
    tdur: float = 0.0
    args: msgspec.Raw = msgspec.Raw(b"{}")


class _Trace(msgspec.Struct, rename="camel"):
    trace_events: list[TraceEvent]


_decode = msgspec.json.Decoder(_Trace).decode
_arguments = msgspec.json.Decoder(_Arguments).decode


def events_of(trace: bytes) -> list[TraceEvent]:
    """The events of a trace as Chromium writes it, a JSON object."""
    return _decode(trace).trace_events


@dataclass(frozen=True, slots=True)
class MainThread:
    """The main thread of a page while it was traced.

    Attributes:
        seconds: how long it was traced.
        busy: share of that time in which it ran a task, 0–1.
        computing: share of that time for which it had a processor; less than `busy` where others had it.
        longest_task: milliseconds.
        messages: WebSocket messages that the page received, per second.
        bytes: of these messages, per second, after decompression.
    """

    seconds: float
    busy: float
    computing: float
    longest_task: float
    messages: float
    bytes: float


def main_threads(events: Sequence[TraceEvent]) -> dict[int, MainThread]:
    """Number of the viewer → its main thread; without viewers whose mark is not in the trace."""
    tasks = [event for event in events if event.name == TASK]
    if not tasks:
        return {}
    # Tasks begin and end with the trace; measures that a page takes itself may have begun before it.
    begin, end = min(task.ts for task in tasks), max(task.ts + task.dur for task in tasks)
    found = {}
    for viewer, thread in _threads(events).items():
        # All threads of the process: a page may read its WebSocket in a worker.
        lengths = [_length(event) for event in events if event.pid == thread[0] and event.name == MESSAGE]
        outer = outermost(task for task in tasks if (task.pid, task.tid) == thread)
        seconds = (end - begin) / 1e6
        found[viewer] = MainThread(
            seconds=seconds,
            busy=sum(task.dur for task in outer) / (end - begin),
            computing=sum(task.tdur for task in outer) / (end - begin),
            longest_task=max((task.dur for task in outer), default=0.0) / 1e3,
            messages=len(lengths) / seconds,
            bytes=sum(lengths) / seconds,
        )
    return found


def outermost(tasks: Iterable[TraceEvent]) -> list[TraceEvent]:
    """The tasks of a thread in order, without those that ran within another."""
    found: list[TraceEvent] = []
    until = -math.inf
    for task in sorted(tasks, key=lambda task: (task.ts, -task.dur)):
        if task.ts >= until:
            found.append(task)
            until = task.ts + task.dur
    return found


def _threads(events: Sequence[TraceEvent]) -> Mapping[int, Thread]:
    main = {
        (event.pid, event.tid)
        for event in events
        if event.ph == "M" and event.name == "thread_name" and _arguments(event.args).name == MAIN_THREAD
    }
    marks = [event for event in events if event.name.startswith(MARK) and (event.pid, event.tid) in main]
    return {int(event.name.removeprefix(MARK)): (event.pid, event.tid) for event in marks}


def _length(event: TraceEvent) -> int:
    data = _arguments(event.args).data
    return 0 if data is None else data.data_length
