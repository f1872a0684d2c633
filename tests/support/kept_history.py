"""What a history must hold: rows made of the results of a job that nothing happens to.

The rows are made here from the messages' structs, and not by the code that the recorder uses.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
from bytewax.testing import TestingSource, run_main

from config.settings import SinkSettings, load
from dataflows.events import Alert, Enriched, Rollup
from dataflows.fleet import build
from dataflows.history.kinds import KindName
from dataflows.history.reader import History
from dataflows.messages import MessageBatch
from tests.support.alert_kills import VEHICLES
from tests.support.alerting_job import SETTINGS as ALERT_SETTINGS
from tests.support.rollup_kills import LATENESS, WINDOW

KEEP_CLEARED = 10
"""Seconds after which a cleared alert is removed from its topic: soon, so that most are."""

SETTINGS = f"""{ALERT_SETTINGS}
no_data_after = ""
keep_cleared = {KEEP_CLEARED}.0
[rollups]
window = {WINDOW}.0
allowed_lateness = {LATENESS}.0
"""

Row: TypeAlias = dict[str, Any]
Rows: TypeAlias = dict[KindName, dict[Any, Row]]
"""Kind → identity → what a row says, but for when it was made."""

KINDS: tuple[KindName, ...] = ("events", "alerts", "rollups")


def uninterrupted(settings: Path, batches: Sequence[MessageBatch], results: Path) -> Rows:
    """What the job makes of telemetry in one go, in this process.

    Args:
        settings: file of the settings.
        batches: the telemetry, in the order of each shard.
        results: a directory for its output, which is made.
    """
    results.mkdir()
    loaded = load(settings)
    recording = loaded.recording.model_copy(update={"results": results})
    job = loaded.model_copy(update={"sink": SinkSettings(kind="recording"), "recording": recording})
    # Windows that are open stay so: the other job does not know either that it has had all events.
    run_main(build(job, TestingSource(batches), ends=lambda: False))
    rows: Rows = {
        "events": _by_identity(_event, _read(results / "enriched.jsonl", Enriched), "event_id"),
        "alerts": _by_identity(_alert, _read(results / "alerts.jsonl", Alert), "alert_id", "revision"),
        "rollups": _by_identity(_rollup, _read(results / "rollups.jsonl", Rollup), "rollup_id"),
    }
    forgotten = {row["alert_id"] for row in rows["alerts"].values() if row["state"] == "cleared"}
    assert len(rows["events"]) == sum(map(len, batches))
    assert len(forgotten) >= VEHICLES, "alerts clear all the time"
    assert len(rows["rollups"]) >= VEHICLES, "windows close all the time"
    return rows


def check_history(history: History, expected: Rows, context: str) -> None:
    """Each row of the uninterrupted job is in the history, once and with its content, and no other.

    Args:
        history: of the recorder.
        expected: what `uninterrupted` returns.
        context: said when something is wrong.
    """
    assert not history.rows("unreadable").num_rows, context
    for kind, columns in _IDENTITIES.items():
        found = history.rows(kind).to_pylist()
        rows = {tuple(row[column] for column in columns): _comparable(row) for row in found}
        wanted = expected[kind]
        missing, invented = wanted.keys() - rows.keys(), rows.keys() - wanted.keys()
        assert not missing, f"{kind}: {len(missing)} missing, such as {min(missing)}, {context}"
        assert not invented, f"{kind}: {len(invented)} that nobody sent, such as {min(invented)}, {context}"
        assert len(found) == len(rows), f"{kind}: {len(found) - len(rows)} read twice, {context}"
        for identity, row in rows.items():
            assert row == wanted[identity], f"{kind}, {context}"


def counts(rows: Rows) -> dict[KindName, int]:
    """Kind → how many rows."""
    return {kind: len(of_kind) for kind, of_kind in rows.items()}


_IDENTITIES: dict[KindName, tuple[str, ...]] = {
    "events": ("event_id",),
    "alerts": ("alert_id", "revision"),
    "rollups": ("rollup_id",),
}

_MADE_AT = {"processed_at", "changed_at", "made_at"}


def _comparable(row: Row) -> Row:
    """A row of the history without what differs between two runs; JSON as values."""
    return {
        column: json.loads(value) if column in ("signals", "comments") else value
        for column, value in row.items()
        if column not in _MADE_AT | {"day"}
    }


def _by_identity(make: Callable[[Any], Row], messages: Iterable[Any], *columns: str) -> dict[Any, Row]:
    rows = [make(message) for message in messages]
    found = {tuple(row[column] for column in columns): row for row in rows}
    assert len(found) == len(rows), "the job that is not disturbed repeats nothing"
    return found


def _read(path: Path, kind: type[Any]) -> list[Any]:
    decoder = msgspec.json.Decoder(kind)
    return [decoder.decode(line) for line in path.read_bytes().splitlines()]


def _event(event: Enriched) -> Row:
    row = _fields(event, "values", "expected", "band", "contributions")
    for name, value in event.values.items():
        row |= {
            name: value,
            f"{name}_expected": event.expected.get(name),
            f"{name}_band": event.band.get(name),
            f"{name}_share": event.contributions.get(name),
        }
    return row | {"telemetry": bytes(event.telemetry).decode(), "implausible": list(event.implausible)}


def _alert(alert: Alert) -> Row:
    signals, comments = msgspec.to_builtins(alert.signals), msgspec.to_builtins(alert.comments)
    return _fields(alert) | {"signals": list(signals), "comments": list(comments)}


def _rollup(rollup: Rollup) -> Row:
    row = _fields(rollup, "signals", "used", "filled")
    for name, signal in rollup.signals.items():
        row |= {f"{name}_{field}": value for field, value in msgspec.structs.asdict(signal).items()}
    row |= {f"used_{name}": value for name, value in rollup.used.items()}
    return row | {f"filled_{name}": value for name, value in rollup.filled.items()}


def _fields(message: msgspec.Struct, *without: str) -> Row:
    fields = msgspec.structs.asdict(message)
    return {name: value for name, value in fields.items() if name not in _MADE_AT | set(without)}
