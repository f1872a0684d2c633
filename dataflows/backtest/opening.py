"""Opening a recording with its times where the user, or else the settings, say they are."""

from __future__ import annotations

from pathlib import Path

import jsonpointer

from config.errors import RecordingError
from config.settings import PayloadSettings
from dataflows.recordings import Recording, TableOptions, open_recording


def opened(path: Path, told: TableOptions, payload: PayloadSettings) -> Recording:
    """Open a recording.

    The column that ``[payload] time`` points to is the time of a table that has it. If it holds none, they
    are found as in any table, and a warning says so.

    Args:
        path: the file.
        told: what the user said of its times; says it something, the settings say nothing.
        payload: how messages are read.

    Raises:
        RecordingError: the recording cannot be read, or its times are not where the user said.
    """
    recording = open_recording(path, told)
    keys = jsonpointer.JsonPointer(payload.time or "").parts
    if told != TableOptions() or recording.columns is None or len(keys) != 1:
        return recording
    column = keys[0]
    if column in recording.time_columns or column not in {known.name for known in recording.columns}:
        return recording
    # "auto" reads ISO 8601 too, and the settings say that by default.
    time_format = "auto" if payload.time_format == "iso8601" else payload.time_format
    try:
        return open_recording(path, TableOptions(column, time_format))
    except RecordingError:
        recording.warn("settings", f"column {column!r}, to which [payload] time points, holds no times")
        return recording
