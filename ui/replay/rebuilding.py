"""Rows of the history back into the messages that they were made of."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import msgspec
import pyarrow as pa

from dataflows.clock import utc
from dataflows.events import Alert, AlertSignal, Comment, Enriched
from dataflows.history.kinds import KINDS
from dataflows.history.signal_columns import stems
from ui.replay.recording import Row

_EVENTS, _ALERTS = KINDS["events"], KINDS["alerts"]
_ENCODER = msgspec.json.Encoder()
_SIGNALS = msgspec.json.Decoder(tuple[AlertSignal, ...])
_COMMENTS = msgspec.json.Decoder(tuple[Comment, ...])
_NO_TELEMETRY = "{}"


def signal_stems(columns: Collection[str], catalogue: Sequence[str]) -> dict[str, str]:
    """Signal → what its columns are called, for the signals of a table of events.

    Args:
        columns: of the table.
        catalogue: signals of the settings; others are called like their columns.
    """
    known = {signal: stem for signal, stem in stems(_EVENTS, catalogue).items() if stem in columns}
    suffixes = [suffix for suffix in _EVENTS.suffixes if suffix]
    others = {
        column: column
        for column in columns
        if column not in known.values()
        and column not in _EVENTS.columns
        and all(f"{column}{suffix}" in columns for suffix in suffixes)
    }
    return known | others


def event_rows(table: pa.Table, catalogue: Sequence[str]) -> Iterator[Row]:
    """The events of a table, in its order.

    Args:
        table: of the kind "events", with the columns of its signals.
        catalogue: signals of the settings.
    """
    own = {name: table[name].to_pylist() for name in _EVENTS.columns if name not in ("ts", "processed_at")}
    times = table["ts"].cast(pa.int64()).to_pylist()
    processed = table["processed_at"].cast(pa.int64()).to_pylist()
    names = set(table.column_names)
    signals = signal_stems(names, catalogue)
    values, expected, band, share = (
        {signal: _numbers(table, f"{stem}{suffix}", names) for signal, stem in signals.items()}
        for suffix in ("", "_expected", "_band", "_share")
    )
    for row, time in enumerate(times):
        fields = {name: column[row] for name, column in own.items()}
        event = Enriched(
            **(
                fields
                | {
                    "ts": utc(time),
                    "processed_at": utc(processed[row]),
                    "implausible": tuple(fields["implausible"] or ()),
                    "telemetry": msgspec.Raw((fields["telemetry"] or _NO_TELEMETRY).encode()),
                    # A number that is not one is null in JSON.
                    "values": {name: column[row] for name, column in values.items()},
                    "expected": _present(expected, row),
                    "band": _present(band, row),
                    "contributions": _present(share, row),
                }
            )
        )
        yield Row(time, _ENCODER.encode(event))


def alert_messages(table: pa.Table) -> Iterator[tuple[Alert, bytes]]:
    """The alerts of a table of the kind "alerts", each also in JSON."""
    for fields in table.select(list(_ALERTS.columns)).to_pylist():
        alert = Alert(
            **(
                fields
                | {
                    "signals": _SIGNALS.decode(fields["signals"] or "[]"),
                    "comments": _COMMENTS.decode(fields["comments"] or "[]"),
                }
            )
        )
        yield alert, _ENCODER.encode(alert)


def _numbers(table: pa.Table, column: str, names: set[str]) -> list[float]:
    """A column, NaN where there is no value."""
    if column not in names:
        return [math.nan] * len(table)
    numbers: list[float] = table[column].to_numpy(zero_copy_only=False).tolist()
    return numbers


def _present(columns: dict[str, list[float]], row: int) -> dict[str, Any]:
    # NaN is the only number that differs from itself.
    return {name: value for name, column in columns.items() if (value := column[row]) == value}
