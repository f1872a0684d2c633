"""A region over a bad network, in other formats, and with vehicles that are told where to go."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import msgspec
import numpy as np
import pytest

from dataflows.events import Command
from dataflows.recordings import open_recording
from sim.__main__ import main
from sim.commands.execution import Execution
from sim.fleet import Fleet
from sim.region.options import RegionOptions

REGION = ("--world", "region", "--start", "2026-03-03T09:00:00Z", "--vehicles", "12", "--duration", "120")


def recorded(file: Path, *arguments: str) -> list[tuple[str, bytes]]:
    main([*REGION, *arguments, "--output", str(file)])
    return [
        message
        for batch in open_recording(file).read()
        for message in zip(batch.topics, batch.payloads, strict=True)
    ]


@pytest.mark.parametrize("parked", ["heartbeat", "sleep"])
def test_a_bad_network_repeats_and_delays_only_what_was_sent(parked: str, tmp_path: Path) -> None:
    plain = recorded(tmp_path / "plain.jsonl", "--parked", parked)
    bad = recorded(tmp_path / "bad.jsonl", "--parked", parked, "--network", "duplicates=0.1,reorder=0.1")
    assert len(bad) > len(plain)
    assert set(bad) == set(plain)


@pytest.mark.parametrize("format", ["spring-fleet", "traccar", "teslamate"])
def test_parked_vehicles_are_quiet_in_every_format(
    format: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if format == "teslamate":
        monkeypatch.setenv("FLEET_CONFIG", "config/teslamate.toml")
    sleeping = recorded(tmp_path / "sleep.jsonl", "--format", format, "--parked", "sleep")
    everything = recorded(tmp_path / "send.jsonl", "--format", format, "--parked", "send")
    assert 0 < len(sleeping) < len(everything)
    assert set(sleeping) <= set(everything)


def test_a_vehicle_is_told_to_go_to_a_place_and_does() -> None:
    fleet = Fleet(
        vehicles=6,
        rate=1.0,
        seed=3,
        faults_per_hour=0.0,
        latitude=48.1,
        longitude=11.5,
        start=datetime(2026, 3, 3, 9, tzinfo=UTC),
        region=RegionOptions(),
    )
    physics = fleet.physics
    vehicle = int(np.flatnonzero(physics.engine.running)[0])
    execution = Execution(fleet)
    arguments = {"latitude": 48.1, "longitude": 11.5}
    command = msgspec.convert({"id": "1", "name": "go_to", "arguments": arguments}, Command)
    assert [outcome.status for outcome in execution.start(vehicle, command)] == ["accepted"]
    done = False
    for _ in islice(fleet.steps(), 4000):
        done = any(outcome.status == "done" for outcome in execution.after_step())
        if done:
            break
    assert done
    latitude, longitude = (float(values[vehicle]) for values in physics.position)
    assert abs(latitude - 48.1) < 0.003
    assert abs(longitude - 11.5) < 0.004
    assert physics.speed[vehicle] == 0.0
