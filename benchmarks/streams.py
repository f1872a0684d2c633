"""Labelled streams as listed in a manifest."""

from __future__ import annotations

import zlib
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
        dataset: streams of a dataset are averaged.
        file: CSV with a header, relative to the manifest; every column but ``label`` is a signal.
        eval_from: rows before this one are warm-up, and are not measured.
    """

    dataset: str
    file: str
    eval_from: Annotated[int, msgspec.Meta(ge=0)] = 0


class Manifest(msgspec.Struct, frozen=True):
    """The content of ``manifest.json``; other keys are ignored."""

    streams: Annotated[list[ManifestEntry], msgspec.Meta(min_length=1)]


@dataclass(frozen=True, slots=True)
class LabelledStream:
    """The content of one stream.

    Attributes:
        entry: its entry in the manifest.
        digest: SHA-256 of the file, in hexadecimal.
        values: shape (n, S); NaN where missing.
        label: shape (n,).
    """

    entry: ManifestEntry
    digest: str
    values: Floats
    label: NDArray[np.bool_]


def manifest(directory: Path) -> list[ManifestEntry]:
    """The streams listed in a directory's manifest.

    Raises:
        RecordingError: there is no manifest, or it is not valid.
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
        RecordingError: the file is missing, is not a CSV of numbers, or has no column ``label`` of 0 and 1.
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
    invalid = ~np.isin(label, (0, 1))
    if invalid.any():
        row = int(np.argmax(invalid))
        raise RecordingError(
            f"{path}: expected 0 or 1 in the column {LABEL!r}, got {label[row]!r} in row {row}"
        )
    return LabelledStream(entry, digest, values, label == 1)
