"""Recorded trips as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from config.errors import RecordingError
from config.settings import Settings
from dataflows.backtest.catalogue import with_catalogue
from dataflows.compiled import Floats, Integers
from dataflows.decode import Decoder
from dataflows.recordings import open_recording

SECOND = 1_000_000
"""Microseconds."""


@dataclass(frozen=True, slots=True)
class Trip:
    """The content of one trip.

    Attributes:
        name: name of the file.
        settings: those given, but with the signals of the trip.
        times: microseconds since 1970-01-01 UTC, shape (n,).
        values: shape (n, S); NaN where a signal was not sent.
    """

    name: str
    settings: Settings
    times: Integers
    values: Floats

    @property
    def dataset(self) -> str:
        """The dataset that the trip belongs to: its name up to the first hyphen."""
        return self.name.split("-")[0]


def find_trips(directory: Path) -> list[Path]:
    """CSV files of a directory, sorted by name.

    Raises:
        RecordingError: there is none.
    """
    found = sorted(directory.glob("*.csv*")) if directory.is_dir() else []
    if not found:
        raise RecordingError(f"{directory}: expected a directory with recorded trips as CSV, got none")
    return found


def read_trip(path: Path, settings: Settings) -> Trip:
    """Read every numeric column of a recorded trip.

    Raises:
        RecordingError: the trip cannot be read, or has no rows.
        SettingsError: it has no numeric column.
    """
    recording = open_recording(path)
    settings = with_catalogue(settings, recording, "all", None)
    decoder = Decoder(settings.payload, settings.signals)
    parts = [decoder.decode(batch).telemetry for batch in recording.read()]
    times = np.concatenate([part.timestamps for part in parts])
    if len(times) == 0:
        raise RecordingError(f"{path}: expected rows with a number in them, got none")
    return Trip(path.name, settings, times, np.concatenate([part.values for part in parts]))


def per_second(trip: Trip) -> Floats:
    """The last known value of every signal at the end of each second.

    Returns:
        Shape (seconds, S), starting with the second in which every signal is known; a signal that was never
        sent is NaN throughout.
    """
    order = np.argsort(trip.times, kind="stable")
    times, values = trip.times[order], trip.values[order]
    sent = np.isfinite(values)
    latest = np.maximum.accumulate(np.where(sent, np.arange(len(values))[:, None], -1), axis=0)
    held = np.where(latest >= 0, np.take_along_axis(values, np.maximum(latest, 0), axis=0), np.nan)
    seconds = (times - times[0]) // SECOND
    ends = np.searchsorted(seconds, np.arange(seconds[-1] + 1), side="right") - 1
    first_known = sent.argmax(axis=0)[sent.any(axis=0)].max(initial=0)
    dense: Floats = held[ends[ends >= first_known]]
    return dense
