"""Which field is the time of an event: the one that is called so, is a plausible time, and goes forward."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dataflows.describe.names import words
from dataflows.describe.shape import Field
from dataflows.describe.time_formats import ENOUGH, TimeFormat, elapsed, format_of, joined

_NAMES = frozenset(
    {
        "ts", "t", "time", "timestamp", "datetime", "date", "when", "epoch", "clock", "stamp", "at",
        "instant", "seconds", "sec", "secs", "millis", "ms", "msec", "elapsed", "zeit", "datum",
        "uhrzeit", "zeitstempel", "heure", "fecha", "hora", "utc", "dt", "tst", "moment",
    }
)  # fmt: skip
_BEST = frozenset({"ts", "time", "timestamp", "datetime", "time stamp", "date time", "event time", "zeit"})
_LATER = frozenset(
    {
        "server", "received", "receive", "recv", "upload", "uploaded", "arrival", "arrived", "created",
        "updated", "gps", "fix", "ingest", "ingested", "processed", "start", "end", "last", "since",
        "expires", "run", "journey", "trip", "with", "cleared", "valid", "remaining", "to", "until",
    }
)  # fmt: skip
"""Words for times of something else than the measurement."""

_UNITS = {
    "s": "epoch_s", "sec": "epoch_s", "secs": "epoch_s", "second": "epoch_s", "seconds": "epoch_s",
    "ms": "epoch_ms", "msec": "epoch_ms", "msecs": "epoch_ms", "millis": "epoch_ms",
    "milliseconds": "epoch_ms", "us": "epoch_us", "µs": "epoch_us", "usec": "epoch_us",
    "microseconds": "epoch_us", "ns": "epoch_ns", "nsec": "epoch_ns", "nanoseconds": "epoch_ns",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class TimeChoice:
    """Where the event time is.

    Attributes:
        pointers: one pointer, two (date and time of day), or none: the time of arrival.
        format: how to read it; ``None`` without a pointer.
        why: what speaks for it.
        from_key: whether it is the key of the map.
        unsure: what could be otherwise.
        others: pointers of other fields that hold times.
    """

    pointers: tuple[str, ...]
    format: TimeFormat | None
    why: str
    from_key: bool = False
    unsure: list[str] = field(default_factory=list)
    others: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Candidate:
    field: Field
    format: TimeFormat
    points: float
    forward: float
    is_elapsed: bool = False


def is_time_name(name: str) -> bool:
    """Whether a field of this name holds a time: "ts", "uploadTimeStamp", "Device Time"; not "speed"."""
    found = words(name)
    return bool(found) and (
        found[-1] in _NAMES or found[0] in ("time", "timestamp", "datetime", "date", "ts")
    )


def are_times(values: Sequence[Any]) -> bool:
    """Whether these values, such as the keys of a map, are times."""
    found = format_of(values)
    return found is not None and found.kind == "instant"


def choose_time(
    fields: Mapping[str, Field],
    outside: Mapping[str, Field],
    vehicles: Sequence[str],
    units: Mapping[str, str] | None = None,
) -> TimeChoice:
    """Find the time among the fields of the records and of the envelope around them.

    Args:
        fields: of the records.
        outside: of the envelope.
        vehicles: the vehicle of each record, since time goes forward only within a vehicle.
        units: pointer → unit in the header of a table.
    """
    candidates = [found for field in fields.values() if (found := _candidate(field, vehicles, units))]
    candidates += [
        replace(found, points=found.points - 1.0)
        for field in outside.values()
        if field.pointer not in fields and (found := _candidate(field, vehicles, units))
    ]
    others = frozenset(found.field.pointer for found in candidates)
    whole = [found for found in candidates if found.format.kind == "instant" and found.points > 0]
    pair = _date_and_clock(candidates)
    best = max(whole, key=lambda found: found.points, default=None)
    if pair and (best is None or best.points < 3.0 or best.is_elapsed):
        day, clock = pair
        format = joined(day.format, clock.format)
        examples = f"{day.field.values[0]!r} and {clock.field.values[0]!r}"
        why = f"date and time of day are in two fields, such as {examples}"
        pointers = (day.field.pointer, clock.field.pointer)
        return TimeChoice(pointers, format, why, unsure=_doubts(format), others=others - set(pointers))
    if best is None:
        clock_only = next((found for found in candidates if found.format.kind != "instant"), None)
        why = "no field holds a time: the time of arrival is used"
        doubts = []
        if clock_only is not None:
            why = (
                f"{clock_only.field.pointer} holds only a {clock_only.format.kind}, "
                f"such as {clock_only.field.values[0]!r}: the time of arrival is used"
            )
            doubts.append(f"{clock_only.field.pointer} is no whole time: a file may be dated 1970-01-01")
        elif others:
            why = f"{', '.join(sorted(others))} may be a time, but not of every event: arrival is used"
        else:
            doubts.append(
                "without times in the payload, an event that is delivered twice cannot be recognised"
            )
        return TimeChoice((), None, why, unsure=doubts, others=others)
    why = f"such as {best.field.values[0]!r}; it goes forward in {best.forward:.0%} of the steps"
    doubts = _doubts(best.format)
    without = len(vehicles) - len(best.field.values)
    if without:
        doubts.append(f"{without:,} of {len(vehicles):,} events have no time there: they become dead letters")
    if best.is_elapsed:
        doubts.append("it counts from a start, not from 1970: events will be dated in January 1970")
    if best.forward < 0.9:
        doubts.append(f"the time goes back in {1 - best.forward:.0%} of the steps: is it that of the event?")
    rivals = [
        found.field.pointer
        for found in whole
        if found is not best and not found.is_elapsed and best.points - found.points < 1.0
    ]
    if rivals:
        doubts.append(f"the event time may also be {' or '.join(rivals)}")
    return TimeChoice(
        (best.field.pointer,), best.format, why, unsure=doubts, others=others - {best.field.pointer}
    )


def _candidate(field: Field, vehicles: Sequence[str], units: Mapping[str, str] | None) -> _Candidate | None:
    format = format_of(field.values)
    named = is_time_name(field.name)
    is_elapsed = False
    if format is None and named and field.is_numeric and len(field.distinct) > 2:
        format, is_elapsed = elapsed(_unit(field, units)), True
    if format is None or (not named and format.kind != "instant"):
        return None
    is_rare = len(field.values) < ENOUGH * len(vehicles)
    forward, repeated = _progress(field, format, vehicles)
    if is_elapsed and (forward < ENOUGH or any(format.parse(value) is None for value in field.values)):
        return None
    points = (3.0 if " ".join(words(field.name)) in _BEST else 2.0 if named else 0.5) + forward
    points -= 1.5 * bool(_LATER & set(words(field.name)))
    points -= 1.5 * is_elapsed + 3.0 * repeated + 10.0 * is_rare
    if not named and not field.is_text and forward < 0.9:
        return None
    return _Candidate(field, format, points, forward, is_elapsed)


def _progress(field: Field, format: TimeFormat, vehicles: Sequence[str]) -> tuple[float, bool]:
    """Share of steps in which the time of a vehicle does not go back, and whether it always stands still."""
    latest: dict[str, int] = {}
    steps = forward = moved = 0
    for row, value in zip(field.rows, field.values, strict=True):
        time = format.parse(value)
        if time is None:
            continue
        vehicle = vehicles[row] if row < len(vehicles) else ""
        if vehicle in latest:
            steps += 1
            forward += time >= latest[vehicle]
            moved += time != latest[vehicle]
        latest[vehicle] = time
    return (forward / steps if steps else 1.0), steps > 5 and moved == 0


def _date_and_clock(candidates: list[_Candidate]) -> tuple[_Candidate, _Candidate] | None:
    dates = [found for found in candidates if found.format.kind == "date"]
    clocks = [found for found in candidates if found.format.kind == "time of day"]
    return (dates[0], clocks[0]) if dates and clocks else None


def _unit(field: Field, units: Mapping[str, str] | None) -> str:
    """The unit of a count of seconds or parts of them: from the header, the name, or else seconds."""
    said = (units or {}).get(field.pointer, "").lower().strip(".")
    last = words(field.name)[-1] if words(field.name) else ""
    return _UNITS.get(said) or _UNITS.get(last) or "epoch_s"


def _doubts(format: TimeFormat) -> list[str]:
    doubts = []
    if not format.has_zone:
        doubts.append(
            "the times have no zone: UTC is assumed, name yours in time_zone, such as Europe/Berlin"
        )
    if format.other:
        doubts.append(f"day and month may be exchanged: {format.other!r} fits the sample as well")
    return doubts
