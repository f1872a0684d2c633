"""Labelled streams, as a manifest lists them."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from config.errors import RecordingError
from dataflows.compiled import Floats

MANIFEST = "manifest.json"
LABEL = "label"


class ManifestEntry(msgspec.Struct, frozen=True):
    """One stream of a manifest.

    Attributes:
        dataset: what the stream is averaged with.
        file: CSV with a header, relative to the manifest; every column but ``label`` is a signal.
        eval_from: rows before this one are warm-up, and count in no metric.
    """

    dataset: str
    file: str
    eval_from: Annotated[int, msgspec.Meta(ge=0)] = 0


class Manifest(msgspec.Struct, frozen=True):
    """What ``manifest.json`` holds; other keys are ignored."""

    streams: Annotated[list[ManifestEntry], msgspec.Meta(min_length=1)]


@dataclass(frozen=True, slots=True)
class LabelledStream:
    """One stream, read.

    Attributes:
        entry: its line of the manifest.
        digest: SHA-256 of the file, in hexadecimal.
        values: shape (n, S); NaN where missing.
        label: shape (n,).
    """

    entry: ManifestEntry
    digest: str
    values: Floats
    label: NDArray[np.bool_]


def manifest(directory: Path) -> list[ManifestEntry]:
    """Streams that a directory holds.

    Raises:
        RecordingError: there is no manifest, or it is not one.
    """
    path = directory / MANIFEST
    try:
        return msgspec.json.decode(path.read_bytes(), type=Manifest).streams
    except OSError as error:
        raise RecordingError(
            f"{path}: expected the list of labelled streams, got {error.strerror}; see --data"
        ) from None
    except msgspec.MsgspecError as error:
        raise RecordingError(
            f"{path}: expected a list of streams with dataset and file, got {error}"
        ) from None


def read(directory: Path, entry: ManifestEntry) -> LabelledStream:
    """Read one stream.

    Raises:
        RecordingError: the file is missing, no CSV of numbers, or has no column ``label`` of 0 and 1.
    """
    path = directory / entry.file
    try:
        digest = sha256(path.read_bytes()).hexdigest()
        table = pd.read_csv(path)
        label = table.pop(LABEL).to_numpy()
        values = table.to_numpy(dtype=np.float64)
    except KeyError:
        raise RecordingError(f"{path}: expected a column {LABEL!r}, got none") from None
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise RecordingError(f"{path}: expected a CSV of numbers with a header, got {error}") from None
    strange = ~np.isin(label, (0, 1))
    if strange.any():
        row = int(np.argmax(strange))
        raise RecordingError(
            f"{path}: expected 0 or 1 in the column {LABEL!r}, got {label[row]!r} in row {row}"
        )
    return LabelledStream(entry, digest, values, label == 1)


def all_streams(directory: Path) -> Iterator[LabelledStream]:
    """All streams of a directory, in the order of the manifest.

    Raises:
        RecordingError: as from `manifest` and `read`.
    """
    for entry in manifest(directory):
        yield read(directory, entry)
