"""The signals that a recording is scored on: those of the settings, or columns of the recording."""

from __future__ import annotations

import sys
from pathlib import Path

from config.errors import SettingsError
from config.settings import PayloadSettings, Settings, SignalSettings
from dataflows.recordings import Column, Recording, discover_columns


def with_catalogue(settings: Settings, recording: Recording, signals: str, label: str | None) -> Settings:
    """The settings with the signals to score this recording on, and with the payload of a table if it is one.

    Args:
        settings: all settings.
        recording: what will be scored.
        signals: ``"config"`` for the configured catalogue, ``"auto"`` for every numeric column, names
            separated by commas for those columns, ``""`` for the default: ``"auto"`` for a table,
            ``"config"`` for JSON lines.
        label: name of the column that holds the ground truth, which is never scored.

    Raises:
        SettingsError: a named column is missing or not numeric, or no column is left to score.
        RecordingError: the recording cannot be read.
    """
    table = recording.columns is not None
    columns = {column.name: column for column in discover_columns(recording.path)}
    payload = _payload_of(settings, columns) if table else settings.payload
    if signals == "config" or (signals == "" and not table):
        catalogue = dict(settings.signals)
    else:
        known = {payload.vehicle_id, payload.time, payload.sequence}
        reserved = {label, recording.time_column}
        candidates = {
            name: column
            for name, column in columns.items()
            if name not in reserved and column.pointer not in known
        }
        catalogue = _chosen(signals, candidates, recording.path)
    if label is not None:
        catalogue[label] = _label(label, columns, recording.path)
    return settings.model_copy(update={"signals": catalogue, "payload": payload})


def _payload_of(settings: Settings, columns: dict[str, Column]) -> PayloadSettings:
    """Rows of a table are events of one vehicle, named after the file unless a column holds its id."""
    pointers = {column.pointer for column in columns.values()}
    vehicle_id = settings.payload.vehicle_id
    return settings.payload.model_copy(
        update={
            "layout": "event",
            "vehicle_id": vehicle_id if vehicle_id in pointers else "topic",
            "time": None,
            "sequence": None,
        }
    )


def _chosen(signals: str, columns: dict[str, Column], path: Path) -> dict[str, SignalSettings]:
    if signals in ("", "auto"):
        skipped = [name for name, column in columns.items() if not column.numeric]
        if skipped:
            print(f"backtest: skipped columns that are not numeric: {', '.join(skipped)}", file=sys.stderr)
        names = _numeric(columns)
    else:
        names = [name.strip() for name in signals.split(",") if name.strip()]
    for name in names:
        if name not in _numeric(columns):
            raise SettingsError(
                f"--signals: expected numeric columns of {path}, got {name!r}; "
                f"choose from {', '.join(_numeric(columns))}"
            )
    if not names:
        raise SettingsError(f"{path}: expected at least one numeric column to score, got none")
    return {name: SignalSettings(pointer=columns[name].pointer, unit=columns[name].unit) for name in names}


def _label(label: str, columns: dict[str, Column], path: Path) -> SignalSettings:
    if label not in _numeric(columns):
        raise SettingsError(
            f"--label: expected a numeric column of {path}, got {label!r}; "
            f"choose from {', '.join(_numeric(columns))}"
        )
    return SignalSettings(pointer=columns[label].pointer, scored=False)


def _numeric(columns: dict[str, Column]) -> list[str]:
    return [name for name, column in columns.items() if column.numeric]
