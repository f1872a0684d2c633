"""How the job's throughput scales with vehicles, signals, shards and processes, and what its state costs."""

from __future__ import annotations

import json
import statistics
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from benchmarks.throughput.figures import Report, Scale, medians
from benchmarks.throughput.flow import read_clock
from benchmarks.throughput.in_process import SCORED, clock
from benchmarks.throughput.process import running
from benchmarks.throughput.stream import Stream, settings_text
from config.errors import BrokerError

VEHICLES = (10, 100, 1_000, 10_000, 100_000)
SIGNALS = (4, 8, 16, 32)
SHARDS = (1, 4, 16)
PROCESSES = (1, 2)
LONGER = 4
"""Times as many events as in other parts: processes do not start and end at the same moment."""
EVENTS_PER_VEHICLE = 10
"""At least, so that all vehicles are known when the measurement starts, after a fifth of the events."""


def vehicles(scale: Scale) -> Report:
    """The part ``vehicles``: speed, size of the state, and time of a snapshot and of a restart from it."""
    streams = {
        number: Stream(max(scale.events, number * EVENTS_PER_VEHICLE), vehicles=number) for number in VEHICLES
    }
    speeds = _speeds("vehicles", streams, {number: _room_for(number) for number in VEHICLES}, scale)
    states = _states(streams, scale)
    return {"vehicles": {number: figures | states[number] for number, figures in _plain(speeds).items()}}


def signals(scale: Scale) -> Report:
    """The part ``signals``."""
    streams = {number: Stream(scale.events, signals=number) for number in SIGNALS}
    return {"signals": _plain(_speeds("signals", streams, {}, scale))}


def shards(scale: Scale) -> Report:
    """The part ``shards``: a batch is split among them, so with more shards the pieces are smaller."""
    streams = {number: Stream(scale.events) for number in SHARDS}
    settings = {number: f"[detector]\nshards = {number}\n" for number in SHARDS}
    return {"shards": _plain(_speeds("shards", streams, settings, scale))}


def processes(scale: Scale) -> Report:
    """The part ``processes``: as from Kafka, but without a broker and clients that use the cores, too."""
    stream = Stream(scale.events * LONGER)
    with tempfile.TemporaryDirectory() as directory:
        recording = stream.record(Path(directory))

        def case(number: int) -> Callable[[], float]:
            return lambda: speed_together(number, recording, stream)

        cases = {number: case(number) for number in PROCESSES}
        return {"processes": _plain(medians("processes", cases, scale.repetitions, scale.notes))}


def speed_together(number: int, recording: Path, stream: Stream) -> float:
    """Events per second of `number` processes together, from the first one's start to the last one's end."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "settings.toml"
        file.write_text(settings_text(stream))
        clocks = Path(directory) / "clocks"
        clocks.mkdir()
        target = f"benchmarks.throughput.flow:shared({str(recording)!r}, {str(clocks)!r}, {number})"
        arguments = ["-m", "bytewax.run", target]
        with running(arguments, {"FLEET_CONFIG": str(file)}, processes=number) as job:
            job.wait()
            found = [read_clock(clock) for clock in clocks.iterdir()]
            if len(found) != number:
                raise BrokerError(f"expected {number} clocks, got {len(found)}: {job.reason()}")
    seconds = max(clock.until for clock in found) - min(clock.until - clock.seconds for clock in found)
    return sum(clock.events for clock in found) / seconds


def _speeds(
    part: str, streams: Mapping[int, Stream], settings: Mapping[int, str], scale: Scale
) -> dict[int, float]:
    with tempfile.TemporaryDirectory() as directory:

        def case(number: int) -> Callable[[], float]:
            stream = streams[number]
            recording = stream.record(Path(directory))
            return lambda: clock(SCORED, recording, stream, settings.get(number, "")).events_per_second

        return medians(part, {number: case(number) for number in streams}, scale.repetitions, scale.notes)


def _plain(speeds: Mapping[int, float]) -> dict[str, dict[str, float]]:
    return {str(number): {"events_per_second": round(speed)} for number, speed in speeds.items()}


def _room_for(number: int) -> str:
    """Settings that let a shard know all vehicles: none is forgotten, however they are distributed."""
    return f"[detector]\nvehicles = {max(10_000, number)}\n"


def _states(streams: Mapping[int, Stream], scale: Scale) -> dict[str, dict[str, float]]:
    """Number of vehicles → medians of `benchmarks.throughput.state` when each has sent a few events."""
    found: dict[int, list[dict[str, float]]] = {number: [] for number in streams}
    with tempfile.TemporaryDirectory() as directory, scale.notes.status("") as status:
        for repetition in range(scale.repetitions):
            for number, stream in streams.items():
                status.update(f"vehicles: state of {number:,}, run {repetition + 1} of {scale.repetitions}")
                short = replace(stream, events=number * EVENTS_PER_VEHICLE)
                found[number].append(_state(short, Path(directory)))
    return {
        str(number): {key: statistics.median(run[key] for run in runs) for key in runs[0]}
        for number, runs in found.items()
    }


def _state(stream: Stream, directory: Path) -> dict[str, float]:
    recording = stream.record(directory)
    settings = directory / "settings.toml"
    settings.write_text(settings_text(stream, _room_for(stream.vehicles)))
    result = directory / "state.json"
    arguments = ["-m", "benchmarks.throughput.state", str(recording), str(result)]
    with running(arguments, {"FLEET_CONFIG": str(settings)}) as job:
        job.wait()
    found: dict[str, float] = json.loads(result.read_text())
    return found
