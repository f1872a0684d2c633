"""What is kept: the kinds of rows, their columns, and which rows are the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import pyarrow as pa

KindName: TypeAlias = Literal[
    "telemetry",
    "events",
    "alerts",
    "actions",
    "rollups",
    "commands",
    "answers",
    "late",
    "audit",
    "unreadable",
]
KIND_NAMES: tuple[KindName, ...] = get_args(KindName)

TEXT, REAL, WHOLE, TRUTH, BYTES = pa.string(), pa.float64(), pa.int64(), pa.bool_(), pa.binary()
TIME = pa.timestamp("us", tz="UTC")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of rows, and so one view.

    Attributes:
        name: of the view, and of the directory.
        columns: the columns that every row has. Those of signals come behind them.
        time: the column with the time that a row belongs to; its UTC day is the directory.
        identity: columns that are equal in copies of a row. Copies have the same `time`.
        order: of all copies of a row the first in this order is read, as in SQL.
        suffixes, prefixes: what is put around the name of a signal to name its columns.
    """

    name: KindName
    columns: dict[str, pa.DataType]
    time: str
    identity: tuple[str, ...]
    order: str
    suffixes: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()

    @property
    def sorted_by(self) -> tuple[str, ...]:
        """Columns that files are sorted by, so that a question about a vehicle reads little."""
        first = [column for column in ("vehicle_id", "topic") if column in self.columns][:1]
        return *first, self.time, *self.identity

    @property
    def is_about_vehicles(self) -> bool:
        """Whether a row, or the message in it, can be about a vehicle."""
        return not {"vehicle_id", "payload"}.isdisjoint(self.columns)

    @property
    def schema(self) -> pa.Schema:
        """The columns that every row has."""
        return pa.schema(list(self.columns.items()))


_MESSAGE = {"message_id": TEXT, "topic": TEXT, "key": TEXT, "arrived_at": TIME}

_KINDS = (
    Kind("telemetry", _MESSAGE | {"payload": BYTES}, "arrived_at", ("message_id",), "arrived_at"),
    Kind(
        "events",
        {
            "event_id": TEXT,
            "vehicle_id": TEXT,
            "ts": TIME,
            "reconstruction_error": REAL,
            "reconstruction_error_smoothed": REAL,
            "anomaly_threshold": REAL,
            "is_anomaly": TRUTH,
            "severity": REAL,
            "status": TEXT,
            "implausible": pa.list_(TEXT),
            "model_version": WHOLE,
            "processed_at": TIME,
            "telemetry": TEXT,
        },
        "ts",
        ("event_id",),
        "processed_at",
        suffixes=("", "_expected", "_band", "_share"),
    ),
    Kind(
        "alerts",
        {
            "alert_id": TEXT,
            "revision": WHOLE,
            "vehicle_id": TEXT,
            "kind": TEXT,
            "subject": TEXT,
            "state": TEXT,
            "severity": TEXT,
            "peak": REAL,
            "summary": TEXT,
            "signals": TEXT,
            "events": WHOLE,
            "openings": WHOLE,
            "onset_at": TIME,
            "opened_at": TIME,
            "last_at": TIME,
            "cleared_at": TIME,
            "acknowledged_by": TEXT,
            "acknowledged_at": TIME,
            "muted_until": TIME,
            "mute_reason": TEXT,
            "useful": TRUTH,
            "comments": TEXT,
            "changed_at": TIME,
        },
        "opened_at",
        ("alert_id", "revision"),
        "changed_at",
    ),
    Kind(
        "actions",
        {
            "message_id": TEXT,
            "arrived_at": TIME,
            "action": TEXT,
            "by": TEXT,
            "alert_id": TEXT,
            "vehicle_id": TEXT,
            "kind": TEXT,
            "text": TEXT,
            "until": TIME,
        },
        "arrived_at",
        ("message_id",),
        "arrived_at",
    ),
    Kind(
        "rollups",
        {
            "rollup_id": TEXT,
            "revision": WHOLE,
            "vehicle_id": TEXT,
            "start": TIME,
            "end": TIME,
            "first_at": TIME,
            "last_at": TIME,
            "events": WHOLE,
            "anomalies": WHOLE,
            "error_mean": REAL,
            "error_peak": REAL,
            "distance_km": REAL,
            "moving_s": REAL,
            "idle_s": REAL,
            "made_at": TIME,
        },
        "start",
        # Only the highest revision: sums over rollups would count a window once for every revision.
        ("rollup_id",),
        "revision DESC, made_at",
        suffixes=("_mean", "_min", "_max", "_last", "_count"),
        prefixes=("used_", "filled_"),
    ),
    Kind(
        "commands",
        {
            "message_id": TEXT,
            "arrived_at": TIME,
            "command_id": TEXT,
            "name": TEXT,
            "vehicle_id": TEXT,
            "arguments": TEXT,
            "by": TEXT,
            "expires_at": TIME,
        },
        "arrived_at",
        ("message_id",),
        "arrived_at",
    ),
    Kind(
        "answers",
        {
            "message_id": TEXT,
            "command_id": TEXT,
            "name": TEXT,
            "vehicle_id": TEXT,
            "status": TEXT,
            "reason": TEXT,
            "by": TEXT,
            "answered_at": TIME,
        },
        "answered_at",
        ("message_id",),
        "answered_at",
    ),
    Kind(
        "late",
        {"event_id": TEXT, "vehicle_id": TEXT, "ts": TIME, "late_by_s": REAL},
        "ts",
        ("event_id",),
        "late_by_s",
    ),
    Kind(
        "audit",
        {
            "audit_id": TEXT,
            "event": TEXT,
            "by": TEXT,
            "role": TEXT,
            "address": TEXT,
            "reason": TEXT,
            "happened_at": TIME,
        },
        "happened_at",
        ("audit_id",),
        "happened_at",
    ),
    Kind(
        "unreadable",
        _MESSAGE | {"expected": TEXT, "reason": TEXT, "payload": BYTES},
        "arrived_at",
        ("message_id",),
        "arrived_at",
    ),
)

KINDS: dict[str, Kind] = {kind.name: kind for kind in _KINDS}
