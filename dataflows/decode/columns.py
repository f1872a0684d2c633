"""Columns of decoded values → columns of ids, times and numbers, with a fault for each unfit value."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import starmap
from struct import Struct
from struct import error as StructError  # noqa: N812 - it is a class
from typing import cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from dataflows.clock import NEVER, SECOND, microseconds, utc
from dataflows.compiled import compiled
from dataflows.decode.faults import Faults, excerpt

EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
"""No event is older: what looks older is a time in another unit, or a clock that was never set."""
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
"""Every event is earlier. Up to here float64 holds every microsecond since 1970 exactly."""
MAX_IDENTIFIER_CHARACTERS = 256

_MICROSECONDS = {"epoch_s": 1e6, "epoch_ms": 1e3, "epoch_us": 1.0}
_NANOSECONDS = 1e3  # divided by, as its inverse is not exact
_EARLIEST, _LATEST = microseconds(EARLIEST), microseconds(LATEST)
_OUR_TIME = (microseconds(datetime(2000, 1, 1, tzinfo=UTC)), microseconds(datetime(2100, 1, 1, tzinfo=UTC)))
_PACK = msgspec.msgpack.Encoder().encode
_CONTROL_CHARACTER = re.compile("[\x00-\x1f\x7f-\x9f]")


def identifiers(
    column: Sequence[str | int | None], title: str, faults: Faults, *, required: bool = True
) -> list[str]:
    """Identifiers as text; empty where there is none.

    A text has at most 256 characters, none of them a control character.

    Args:
        column: n values; an integer becomes its decimal digits.
        title: what they are and where, for reasons, e.g. ``"the vehicle id at /vehicle_id"``.
        faults: gets the events whose value is unfit, and if `required` those without one.
        required: whether ``None`` and ``""`` are faults.
    """
    texts: list[str]
    try:
        # `join` finds out at once whether all are texts, as they nearly always are.
        joined, texts = "".join(cast(Sequence[str], column)), list(cast(Sequence[str], column))
    except TypeError:
        texts = [value if type(value) is str else "" if value is None else str(value) for value in column]
        joined = "".join(texts)
    lengths = set(map(len, texts))
    all_fit = (
        max(lengths) <= MAX_IDENTIFIER_CHARACTERS and not (required and 0 in lengths) and joined.isprintable()
    )
    if not all_fit:
        for position, text in enumerate(texts):
            if required and not text:
                faults.add(position, f"expected {title}, got none: it is missing, null or empty")
            elif len(text) > MAX_IDENTIFIER_CHARACTERS:
                faults.add(
                    position,
                    f"expected {title} to have at most {MAX_IDENTIFIER_CHARACTERS} characters, "
                    f"got {len(text)}",
                )
            elif _CONTROL_CHARACTER.search(text):
                faults.add(position, f"expected {title} without control characters, got {excerpt(text)}")
    return texts


def timestamps_of_datetimes(
    column: Sequence[datetime | None], title: str, faults: Faults
) -> NDArray[np.int64]:
    """Event times as microseconds since 1970-01-01 UTC; any integer where there is a fault.

    Args:
        column: n times with a zone.
        title: what they are and where, for reasons, e.g. ``"the event time at /ts"``.
        faults: gets the events whose time is missing or out of range.
    """
    try:
        packed = np.frombuffer(_PACK(column), np.uint8)
    except OverflowError:  # one is not in the years 1 to 9999 in UTC
        in_range = [time if time and EARLIEST <= time < LATEST else None for time in column]
        packed = np.frombuffer(_PACK(in_range), np.uint8)
    timestamps = np.empty(len(column), np.int64)
    _unpack(packed, NEVER, timestamps)
    check_range(timestamps, column, title, faults)
    return timestamps


def timestamps_of_numbers(
    column: Sequence[float | None], unit: str, title: str, faults: Faults
) -> NDArray[np.int64]:
    """As `timestamps_of_datetimes`, from numbers since 1970-01-01 UTC.

    Integers are converted exactly, fractions and nanoseconds to the nearest microsecond.

    Args:
        column: n numbers.
        unit: ``epoch_s``, ``epoch_ms``, ``epoch_us`` or ``epoch_ns``.
        title: what they are and where, for reasons, e.g. ``"the event time at /ts"``.
        faults: gets the events whose time is missing or out of range.
    """
    with np.errstate(over="ignore"):
        numbers = _floats(column)
        in_microseconds = numbers / _NANOSECONDS if unit == "epoch_ns" else numbers * _MICROSECONDS[unit]
        timestamps = np.rint(in_microseconds)
    in_range = check_range(timestamps, column, title, faults)
    return np.where(in_range, timestamps, 0.0).astype(np.int64)


def signal_values(columns: Iterable[Sequence[float | None]], events: int) -> NDArray[np.float64]:
    """S columns of n numbers or booleans as a matrix (n, S), NaN for ``None``.

    Args:
        columns: each of `events` values.
        events: n.
    """
    columns = list(columns)
    try:
        # Many times faster than an array of each column, but only where no value is None.
        values = np.frombuffer(b"".join(starmap(Struct(f"{events}d").pack, columns)), np.float64)
    except StructError:
        values = np.array(columns, dtype=np.float64)
    return np.ascontiguousarray(values.reshape(len(columns), events).T)


def _floats(column: Sequence[float | None]) -> NDArray[np.float64]:
    try:
        return np.array(column, dtype=np.float64)
    except OverflowError:
        return np.array([_float(number) for number in column])


def _float(number: float | None) -> float:
    try:
        return np.nan if number is None else float(number)
    except OverflowError:
        return np.inf


def check_range(
    timestamps: NDArray[np.int64] | NDArray[np.float64],
    column: Sequence[datetime | float | str | None],
    title: str,
    faults: Faults,
) -> NDArray[np.bool_]:
    """Add a fault for each time out of range, as missing ones have to be; return which are in range."""
    in_range = (timestamps >= _EARLIEST) & (timestamps < _LATEST)
    if not in_range.all():
        for position, value in enumerate(column):
            if value is None:
                faults.add(position, f"expected {title}, got none: it is missing or null")
            elif not in_range[position]:
                got = value.isoformat() if isinstance(value, datetime) else excerpt(value)
                faults.add(
                    position,
                    f"expected {title} to be in the years {EARLIEST.year} to {LATEST.year - 1}, got {got}; "
                    f"if many are not, check payload.time_format{_fitting(value)}",
                )
    return in_range


def _fitting(value: datetime | float | str | None) -> str:
    """Which format would make a number a date of our time, as the end of a sentence; empty if none would."""
    if not isinstance(value, int | float) or not abs(value) < _OUR_TIME[1] * _NANOSECONDS:
        return ""
    for name, microseconds_in_unit in (*_MICROSECONDS.items(), ("epoch_ns", 1.0 / _NANOSECONDS)):
        if _OUR_TIME[0] <= value * microseconds_in_unit < _OUR_TIME[1]:
            return f": {name!r} would make it {utc(int(value * microseconds_in_unit)):%Y-%m-%d}"
    return ""


@compiled
def _unpack(packed: NDArray[np.uint8], missing: int, times: NDArray[np.int64]) -> None:
    """The times of an array in MessagePack, microseconds: much faster than converting each datetime.

    As of "MessagePack specification", timestamp extension type: seconds in 32 bits, or with nanoseconds in 64
    or 96 bits; ``nil`` where there is none.
    """
    at = 1 if packed[0] < 0xA0 else 3 if packed[0] == 0xDC else 5
    for row in range(len(times)):
        kind = packed[at]
        if kind == 0xC0:
            times[row] = missing
            at += 1
            continue
        size = 4 if kind == 0xD6 else 8 if kind == 0xD7 else 12
        at += 3 if kind == 0xC7 else 2
        first, last = np.int64(0), np.int64(0)
        for place in range(at, at + size - 8):
            first = first << 8 | np.int64(packed[place])
        for place in range(max(at, at + size - 8), at + size):
            last = last << 8 | np.int64(packed[place])
        if size == 8:
            # Nanoseconds are the first 30 bits, seconds the other 34.
            first = (last >> 34) & 0x3FFFFFFF
            last &= 0x3FFFFFFFF
        times[row] = last * SECOND + first // 1000
        at += size
