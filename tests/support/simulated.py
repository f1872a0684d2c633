"""Recordings of ``python -m sim``, and what the project's own decoder reads from them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import pytest

from config.settings import DEFAULT_FILE, load
from dataflows.decode import Decoded, Decoder
from dataflows.messages import MessageBatch
from sim.__main__ import main
from tests.support.decoding import whole

START = "2026-01-31T12:00:00Z"


@dataclass(frozen=True)
class Run:
    """What a simulation wrote.

    Attributes:
        file: the recording.
        truth: its ground truth.
        said: what was printed.
    """

    file: Path
    truth: bytes
    said: str

    @property
    def batch(self) -> MessageBatch:
        """All messages, in order."""
        return whole(self.file)

    @property
    def events(self) -> list[tuple[int, dict[str, object]]]:
        """Times of arrival in microseconds, and plain payloads, in order."""
        batch = self.batch
        return [
            (time, msgspec.json.decode(payload))
            for time, payload in zip(batch.arrived, batch.payloads, strict=True)
        ]

    def decoded(self, settings_file: Path = DEFAULT_FILE) -> Decoded:
        """What the dataflow reads from it."""
        result = Decoder.of(load(settings_file)).decode(self.batch)
        assert not result.dead_letters
        assert not result.bad_values
        return result


@dataclass(frozen=True)
class Simulator:
    """Runs ``python -m sim`` into a directory."""

    directory: Path
    patch: pytest.MonkeyPatch
    output: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str, settings_file: Path = DEFAULT_FILE, suffix: str = "jsonl") -> Run:
        """Simulate with these arguments, from `START` on."""
        number = len(list(self.directory.iterdir()))
        file = self.directory / f"run-{number}.{suffix}"
        self.patch.setenv("FLEET_CONFIG", str(settings_file))
        self.output.readouterr()
        main(["--start", START, "--output", str(file), *arguments])
        truth = self.directory / f"run-{number}.ground-truth.jsonl"
        return Run(file, truth.read_bytes(), self.output.readouterr().out)


def values_by_event(decoded: Decoded, signals: list[str]) -> dict[tuple[str, int], dict[str, float]]:
    """(vehicle, time) → signal → value; values of one vehicle and time are put together."""
    found: dict[tuple[str, int], dict[str, float]] = {}
    for vehicle, time, name, value in _known(decoded, signals):
        event = found.setdefault((vehicle, time), {})
        assert name not in event
        event[name] = value
    return found


def _known(decoded: Decoded, signals: list[str]) -> Iterator[tuple[str, int, str, float]]:
    telemetry = decoded.telemetry
    times = telemetry.timestamps.tolist()
    for row, column in zip(*np.nonzero(np.isfinite(telemetry.values)), strict=True):
        vehicle = telemetry.vehicle_ids[row]
        yield vehicle, times[row], signals[column], float(telemetry.values[row, column])
