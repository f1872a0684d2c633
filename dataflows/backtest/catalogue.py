"""The signals that a recording is scored on: those of the settings, or columns of the recording."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path

from config.errors import SettingsError
from config.expressions import parse
from config.settings import FILE_VARIABLE, PayloadSettings, Settings, SignalSettings
from dataflows.backtest.roles import sentence, unscored
from dataflows.backtest.sample import Sample, sample_of
from dataflows.backtest.vehicle_column import find_vehicle_column
from dataflows.decode import Decoder
from dataflows.recordings import Column, Recording, discover_columns


def with_catalogue(settings: Settings, recording: Recording, signals: str, label: str | None) -> Settings:
    """The settings with the signals to score this recording on, and with the payload of a table if it is one.

    What is left out or assumed becomes a warning of the recording.

    Args:
        settings: all settings.
        recording: what will be scored.
        signals: ``"config"`` for the configured catalogue, ``"all"`` for every numeric column, ``"auto"`` for
            those that tell how a vehicle behaves (see `roles`), names separated by commas for these columns,
            ``""`` for the default: ``"config"`` for JSON lines, and for a table whose columns a settings file
            of the user's own names; ``"auto"`` for any other table.
        label: name of the column that holds the ground truth, which is never scored.

    Raises:
        SettingsError: a named column is missing or not numeric, or no column is left to score.
        RecordingError: the recording cannot be read.
    """
    table = recording.columns is not None
    if not table and signals in ("", "config") and label is None:
        return settings
    found = discover_columns(recording.path) if recording.columns is None else recording.columns
    columns = {column.name: column for column in found}
    sample = cache(lambda: sample_of(recording, columns))
    if table:
        # The topic of a row is the name of its file.
        topics = settings.topics.model_copy(update={"telemetry": "+"})
        settings = settings.model_copy(update={"topics": topics})
    payload = _payload_of(settings, recording, columns, sample) if table else settings.payload
    if signals == "" and (not table or _names_columns(settings, columns)):
        signals = "config"
    if signals == "config":
        catalogue = dict(settings.signals)
    else:
        known = {payload.vehicle_id, payload.sequence, *_times(payload)}
        reserved = {label, *recording.time_columns}
        candidates = {
            name: column
            for name, column in columns.items()
            if name not in reserved and column.pointer not in known
        }
        vehicle = next((name for name in columns if columns[name].pointer == payload.vehicle_id), None)
        names = _named(signals) or _found(signals, candidates, recording, sample, vehicle)
        catalogue = _chosen(names, candidates, recording.path)
    if label is not None:
        catalogue[label] = _label(label, columns, recording.path)
        if all(signal.role != "target" for signal in catalogue.values()):
            raise SettingsError(f"--label: expected another signal to score, got only the label {label!r}")
    alerts = settings.alerts.model_copy(
        update={"asleep": _known_condition(settings.alerts.asleep, catalogue)}
    )
    return settings.model_copy(update={"signals": catalogue, "payload": payload, "alerts": alerts})


def _known_condition(condition: str | None, catalogue: Mapping[str, SignalSettings]) -> str | None:
    """A condition of the settings, unless it is about signals that this recording lacks."""
    try:
        return condition and parse(condition, catalogue).text
    except ValueError:
        return None


def _payload_of(
    settings: Settings, recording: Recording, columns: dict[str, Column], sample: Callable[[], Sample]
) -> PayloadSettings:
    """Rows of a table are events of one vehicle, named after the file, unless a column holds its id."""
    payload = settings.payload
    vehicle_id: str = payload.vehicle_id
    pointers = {column.pointer for column in columns.values()}
    if vehicle_id not in pointers:
        vehicle_id = "topic"
        others = {name: column for name, column in columns.items() if name not in recording.time_columns}
        found = find_vehicle_column(others, sample())
        if found is not None:
            recording.warn("vehicle", found.warning())
            vehicle_id = found.column.pointer if found.certain else vehicle_id
    times = _times(payload)
    a_row = {"layout": "event", "records": None, "signal": None, "value": None, "sequence": None}
    obeyed = payload.model_copy(update={**a_row, "vehicle_id": vehicle_id})
    if times and pointers.issuperset(times) and not recording.is_told_time:
        if _reads_times(settings.model_copy(update={"payload": obeyed}), recording):
            return obeyed
        if _are_own():
            recording.warn("payload time", _UNREADABLE.format(" and ".join(times), payload.time_format))
    return obeyed.model_copy(update={"time": None})


_UNREADABLE = (
    "the times at {} (payload.time) are not in the format {!r} (payload.time_format): the column and format "
    "were found instead; --time and --time-format override both"
)


def _reads_times(settings: Settings, recording: Recording) -> bool:
    """Whether most of the first rows of a table are events with these settings."""
    batch = next(recording.read(), None)
    if batch is None:
        return False
    decoded = Decoder.of(settings).decode(batch)
    return len(decoded.dead_letters) <= len(decoded.telemetry)


def _names_columns(settings: Settings, columns: dict[str, Column]) -> bool:
    """Whether the user's own settings have a catalogue with signals that are columns of this table."""
    pointers = {column.pointer for column in columns.values()}
    return _are_own() and any(signal.pointer in pointers for signal in settings.signals.values())


def _are_own() -> bool:
    """Whether the settings are of a file of the user's own."""
    return bool(os.environ.get(FILE_VARIABLE))


def _times(payload: PayloadSettings) -> tuple[str, ...]:
    return (payload.time,) if isinstance(payload.time, str) else payload.time or ()


def _named(signals: str) -> list[str]:
    """The names in ``--signals``; none if it says how to find them."""
    if signals in ("", "auto", "all"):
        return []
    return [name.strip() for name in signals.split(",") if name.strip()]


def _found(
    signals: str,
    columns: dict[str, Column],
    recording: Recording,
    sample: Callable[[], Sample],
    vehicle: str | None,
) -> list[str]:
    texts = [name for name, column in columns.items() if not column.numeric]
    if texts:
        recording.warn("texts", f"skipped columns that are not numeric: {', '.join(texts)}")
    names = _numeric(columns)
    if signals == "all":
        return names
    reasons = unscored(names, sample(), vehicle)
    if reasons:
        recording.warn("unscored", sentence(reasons))
    return [name for name in names if name not in reasons]


def _chosen(names: Iterable[str], columns: dict[str, Column], path: Path) -> dict[str, SignalSettings]:
    names = list(names)
    for name in names:
        if name not in _numeric(columns):
            raise SettingsError(
                f"--signals: expected numeric columns of {path}, got {name!r}; "
                f"choose from {', '.join(_numeric(columns))}"
            )
    if not names:
        numeric = _numeric(columns)
        left_out = (
            f" that tells how the vehicle behaves, got only {', '.join(numeric)}" if numeric else ", got none"
        )
        raise SettingsError(f"{path}: expected at least one numeric column to score{left_out}")
    return {name: SignalSettings(pointer=columns[name].pointer, unit=columns[name].unit) for name in names}


def _label(label: str, columns: dict[str, Column], path: Path) -> SignalSettings:
    if label not in _numeric(columns):
        raise SettingsError(
            f"--label: expected a numeric column of {path}, got {label!r}; "
            f"choose from {', '.join(_numeric(columns))}"
        )
    return SignalSettings(pointer=columns[label].pointer, role="ignored")


def _numeric(columns: dict[str, Column]) -> list[str]:
    return [name for name, column in columns.items() if column.numeric]
