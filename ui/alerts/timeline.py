"""What happened to an alert, step by step, and when it was how bad."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, tzinfo
from itertools import pairwise
from typing import Literal, NamedTuple

from dataflows.events import SEVERITIES, Alert, Severity
from ui.clock_time import clock_time
from ui.formatting import plain

Tone = Literal["opened", "worse", "cleared", "people"]
"""What a step is about; the last one: what somebody did."""


_ENDINGS = {1: "st", 2: "nd", 3: "rd"}


class Step(NamedTuple):
    """Something that happened.

    Attributes:
        at: when.
        words: what.
        tone: what it is about.
    """

    at: datetime
    words: str
    tone: Tone


class Span(NamedTuple):
    """A time in which an alert was open.

    Attributes:
        start, end: when.
        severity: how bad it had been until then.
    """

    start: datetime
    end: datetime
    severity: Severity


def steps_of(revisions: Sequence[Alert], zone: tzinfo) -> list[Step]:
    """What happened to an alert, the first step first.

    Args:
        revisions: of one alert, rising, at least one; those before the first, and between them, may be
            missing, and then their steps are too, except for those that a later one still tells of.
        zone: of the viewer, for times in the words.
    """
    first = revisions[0]
    steps = list(_beginning(first, zone))
    for before, after in pairwise(revisions):
        steps += _between(before, after, zone)
    return sorted(steps, key=lambda step: step.at)


def spans_of(revisions: Sequence[Alert], now: float) -> list[Span]:
    """The times in which an alert was open, parted where it became worse.

    Args:
        revisions: as in `steps_of`.
        now: seconds since the epoch; an open alert lasts until then.
    """
    spans: list[Span] = []
    start: datetime | None = None
    before = revisions[0]

    def end(moment: datetime) -> None:
        if start is not None:
            spans.append(Span(start, max(start, moment), before.severity))

    for alert in revisions:
        if start is not None and alert.openings > before.openings:
            end(before.last_at)
            start = None
        if start is None and (alert.state == "open" or alert is revisions[0]):
            start = _opening(alert)
        elif alert.severity != before.severity:
            end(alert.last_at)
            start = spans[-1].end if start is not None else None
        before = alert
        if alert.cleared_at is not None:
            end(alert.cleared_at)
            start = None
    end(datetime.fromtimestamp(now, UTC))
    return spans


def _opening(alert: Alert) -> datetime:
    """The beginning as far as it is known: of the first opening, or of the last."""
    return min(alert.onset_at, alert.opened_at) if alert.openings == 1 else alert.opened_at


def _beginning(alert: Alert, zone: tzinfo) -> Iterator[Step]:
    if alert.onset_at < alert.opened_at and alert.openings == 1:
        yield Step(alert.onset_at, "probably began", "opened")
    again = f" for the {_ordinal(alert.openings)} time" if alert.openings > 1 else ""
    yield Step(alert.opened_at, f"opened{again}: {alert.severity}", "opened")
    if alert.acknowledged_by and alert.acknowledged_at is not None:
        yield Step(alert.acknowledged_at, f"acknowledged by {plain(alert.acknowledged_by, 40)}", "people")
    for comment in alert.comments:
        yield Step(comment.at, f"{plain(comment.by, 40)}: {plain(comment.text, 500)}", "people")
    if alert.muted_until is not None:
        yield Step(alert.changed_at, _muted(alert, zone), "people")
    if alert.useful is not None:
        yield Step(alert.changed_at, _judged(alert.useful), "people")
    if alert.cleared_at is not None:
        yield Step(alert.cleared_at, "cleared", "cleared")


def _between(before: Alert, after: Alert, zone: tzinfo) -> Iterator[Step]:
    if after.openings > before.openings:
        yield Step(after.opened_at, "opened again", "opened")
    if SEVERITIES.index(after.severity) > SEVERITIES.index(before.severity):
        yield Step(after.last_at, f"worse: {before.severity} → {after.severity}", "worse")
    if after.acknowledged_by and after.acknowledged_at not in (None, before.acknowledged_at):
        assert after.acknowledged_at is not None
        yield Step(after.acknowledged_at, f"acknowledged by {plain(after.acknowledged_by, 40)}", "people")
    for comment in after.comments:
        if comment not in before.comments:
            yield Step(comment.at, f"{plain(comment.by, 40)}: {plain(comment.text, 500)}", "people")
    if (after.muted_until, after.mute_reason) != (before.muted_until, before.mute_reason):
        words = "no longer muted" if after.muted_until is None else _muted(after, zone)
        yield Step(after.changed_at, words, "people")
    if after.useful is not None and after.useful != before.useful:
        yield Step(after.changed_at, _judged(after.useful), "people")
    if after.cleared_at is not None and after.cleared_at != before.cleared_at:
        yield Step(after.cleared_at, "cleared", "cleared")


def _muted(alert: Alert, zone: tzinfo) -> str:
    assert alert.muted_until is not None
    reason = f": {plain(alert.mute_reason, 500)}" if alert.mute_reason else ""
    return f"muted until {clock_time(alert.muted_until, zone)}{reason}"


def _judged(useful: bool) -> str:
    return "called useful" if useful else "called noise"


def _ordinal(number: int) -> str:
    if 10 <= number % 100 <= 20:
        return f"{number}th"
    return f"{number}{_ENDINGS.get(number % 10, 'th')}"
