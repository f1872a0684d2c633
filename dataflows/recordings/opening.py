"""Opening a recording of any format, and discovering what its messages hold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

import msgspec

from config.errors import RecordingError
from config.extras import hint
from dataflows.events import JSON_ERRORS
from dataflows.recordings.columns import Column, enough_numbers, pointer_to
from dataflows.recordings.delimited import DelimitedRecording
from dataflows.recordings.json_lines import JsonLinesRecording
from dataflows.recordings.lines import GZIP_SUFFIX
from dataflows.recordings.options import TableOptions
from dataflows.recordings.recording import Recording

JSON_LINES = (".jsonl", ".ndjson", ".json")
PARQUET = ".parquet"
TABLES = (".csv", ".tsv", PARQUET)


def open_recording(path: Path, options: TableOptions | None = None) -> Recording:
    """Open a recording; its suffix determines its format.

    Args:
        path: the file.
        options: where a table holds its times; ``None`` finds them. JSON lines have times of their own.

    Raises:
        RecordingError: the suffix is unknown, the file is missing, empty, unreadable or damaged, or the times
            are not where `options` says; or it is a Parquet file and pyarrow is not installed.
    """
    suffixes = [suffix.lower() for suffix in path.suffixes]
    compressed = suffixes[-1:] == [GZIP_SUFFIX]
    suffix = (suffixes[-2:-1] if compressed else suffixes[-1:]) or [""]
    known = suffix[0] in JSON_LINES or suffix[0] in TABLES
    if not known or (compressed and suffix[0] == PARQUET):
        raise RecordingError(
            f"{path}: expected a name that ends in .jsonl, .ndjson, .json, .csv, .tsv "
            "(each also with .gz) or .parquet"
        )
    if not path.is_file():
        what = "is a directory" if path.is_dir() else "there is no such file"
        raise RecordingError(f"cannot read {path}: {what}; give the path of a recording")
    if suffix[0] in JSON_LINES:
        if options is not None and (options.time or options.time_format != "auto"):
            raise RecordingError(
                f"{path}: expected a table for --time, --time-format and --time-zone, got JSON lines, "
                "whose times are where [payload] time says"
            )
        return JsonLinesRecording(path)
    table = _parquet(path) if suffix[0] == PARQUET else DelimitedRecording
    return table(path, options or TableOptions())


def _parquet(path: Path) -> Callable[[Path, TableOptions], Recording]:
    """What reads Parquet, which a job without the extra `history` has no package for."""
    try:
        from dataflows.recordings.parquet import ParquetRecording
    except ImportError as error:
        raise RecordingError(f"cannot read {path}: {hint(error) or error}") from None
    return ParquetRecording


def discover_columns(path: Path, sample: int = 1000) -> tuple[Column, ...]:
    """The values that the messages of a recording hold.

    For a table these are its columns. For JSON lines they are the scalars in the first messages, nested ones
    by path (``name`` "engine.temperature", ``pointer`` "/engine/temperature"), in the order of their first
    appearance. Lists, and messages that are not JSON objects, are left out.

    Args:
        path: a recording of any format.
        sample: how many messages of JSON lines to look at.

    Raises:
        RecordingError: as `open_recording`, or none of the sampled messages is a JSON object with values.
    """
    recording = open_recording(path)
    if recording.columns is not None:
        return recording.columns
    are_numbers: dict[tuple[str, ...], list[bool]] = defaultdict(list)
    payloads = chain.from_iterable(batch.payloads for batch in recording.read())
    for payload in islice(payloads, sample):
        for keys, value in _scalars(_decoded(payload)):
            are_numbers[keys].append(isinstance(value, int | float) and not isinstance(value, bool))
    if not are_numbers:
        raise RecordingError(
            f'{path}: expected JSON objects with values such as {{"speed": 61.2}}, '
            f"got none in the first {sample:,} messages"
        )
    return tuple(
        Column(name=".".join(keys), unit="", numeric=enough_numbers(flags), pointer=pointer_to(*keys))
        for keys, flags in are_numbers.items()
    )


def _decoded(payload: bytes) -> Any:
    try:
        return msgspec.json.decode(payload)
    except JSON_ERRORS:
        return None


def _scalars(value: Any, keys: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, dict):
        for key, below in value.items():
            yield from _scalars(below, (*keys, key))
    elif keys and value is not None and not isinstance(value, list):
        yield keys, value
