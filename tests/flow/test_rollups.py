"""The whole job: rollups do not depend on batches, workers, crashes and stops; late events are reported."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import TestingSource, cluster_main, run_main

from config.settings import DEFAULT_FILE, Settings, SinkSettings, load
from dataflows.events import Enriched, LateEvent, Rollup
from dataflows.fleet import build
from dataflows.job.window_state import CLASSES, is_of_windows, pieces
from dataflows.messages import MessageBatch
from dataflows.stored_state import check_layout, unpickle
from tests.support.pickle_names import named_by
from tests.support.telemetry import START, batches, quick, telemetry

EVERY_BATCH = timedelta(0)
STATES = "SELECT step_id, ser_change FROM snaps WHERE ser_change IS NOT NULL AND step_id != 'fleet.telemetry'"
"""Of all steps but the source, which is not ours here."""

WINDOWS = "fleet.windows.stateful_batch"
EVENTS, VEHICLES, BATCH = 600, 5, 20


def results(directory: Path, name: str, kind: type[Any]) -> list[Any]:
    file = directory / f"{name}.jsonl"
    lines = file.read_bytes().splitlines() if file.exists() else []
    return [msgspec.json.decode(line, type=kind) for line in lines]


def rollups(directory: Path) -> dict[str, Rollup]:
    """Id → what the rollup says, but for when it was made; what is said twice is the same."""
    found: dict[str, Rollup] = {}
    for rollup in results(directory, "rollups", Rollup):
        timeless = msgspec.structs.replace(rollup, made_at=START)
        assert found.setdefault(rollup.rollup_id, timeless) == timeless
    return found


def written_to(directory: Path, **rollups: Any) -> Settings:
    """Settings with short windows, so that many close while the job runs."""
    base = load(DEFAULT_FILE)
    directory.mkdir(exist_ok=True)
    of_rollups = {"window": 10.0, "allowed_lateness": 20.0} | rollups
    return quick(
        base,
        sink=SinkSettings(kind="recording"),
        recording=base.recording.model_copy(update={"results": directory}),
        rollups=base.rollups.model_copy(update=of_rollups),
    )


def whole(directory: Path, payloads: list[bytes]) -> dict[str, Rollup]:
    """The rollups of a job that is not disturbed, of one batch and one worker."""
    run_main(build(written_to(directory), TestingSource(batches(payloads, len(payloads)))))
    return rollups(directory)


def test_a_recording_has_a_rollup_of_every_vehicle_and_window(tmp_path: Path) -> None:
    found = whole(tmp_path, telemetry(EVENTS, VEHICLES))
    seconds = EVENTS // VEHICLES
    assert len(found) == len(results(tmp_path, "rollups", Rollup)) == VEHICLES * seconds // 10
    assert {(rollup.vehicle_id, rollup.start) for rollup in found.values()} == {
        (f"VEH-{vehicle}", START + timedelta(seconds=start))
        for vehicle in range(VEHICLES)
        for start in range(0, seconds, 10)
    }
    enriched = results(tmp_path, "enriched", Enriched)
    for rollup in found.values():
        of_it = [
            event
            for event in enriched
            if event.vehicle_id == rollup.vehicle_id and rollup.start <= event.ts < rollup.end
        ]
        assert rollup.events == len(of_it) == 10
        assert rollup.anomalies == sum(event.is_anomaly for event in of_it)
        assert rollup.error_peak == pytest.approx(max(event.reconstruction_error for event in of_it))
        speeds = [msgspec.json.decode(event.telemetry)["speed"] for event in of_it]
        assert rollup.signals["speed"].mean == pytest.approx(sum(speeds) / 10)
    assert sum(rollup.anomalies for rollup in found.values()) == sum(event.is_anomaly for event in enriched)


def test_batches_and_workers_make_no_difference_to_any_rollup(tmp_path: Path) -> None:
    payloads = telemetry(EVENTS, VEHICLES)
    expected = whole(tmp_path / "one", payloads)
    flow = build(written_to(tmp_path / "many"), TestingSource(batches(payloads, 7)))
    cluster_main(flow, [], 0, worker_count_per_proc=2)
    assert rollups(tmp_path / "many") == expected


@pytest.mark.parametrize("at", [3, 9, 17, 30])
@pytest.mark.parametrize("stop", [TestingSource.ABORT, TestingSource.EOF])
def test_a_job_that_is_stopped_and_resumed_gives_the_rollups_of_an_uninterrupted_one(
    at: int, stop: Any, tmp_path: Path
) -> None:
    """Open windows are in a store that the next start accepts, and that names nothing of ours."""
    payloads = telemetry(EVENTS, VEHICLES)
    expected = whole(tmp_path / "whole", payloads)
    recovery = tmp_path / "recovery"
    recovery.mkdir(mode=0o700)
    init_db_dir(recovery, 1)
    parts: list[MessageBatch | TestingSource.ABORT | TestingSource.EOF] = [*batches(payloads, BATCH)]
    parts.insert(at, stop())
    for ends in (False, True):
        flow = build(written_to(tmp_path / "parts"), TestingSource(parts), ends=partial(bool, ends))
        run_main(flow, epoch_interval=EVERY_BATCH, recovery_config=RecoveryConfig(str(recovery)))
        if not ends:
            assert set(rollups(tmp_path / "parts")) < set(expected)
            assert states(recovery)[WINDOWS] > 0
    assert rollups(tmp_path / "parts") == expected


def states(recovery: Path) -> Counter[str]:
    """How often each step's state was stored; it is accepted, and names arrays and Bytewax's windows only."""
    found: Counter[str] = Counter()
    for file in recovery.glob("part-*.sqlite3"):
        with closing(sqlite3.connect(file)) as database:
            for step, pickled in database.execute(STATES):
                found[step] += 1
                named = {(module, name) for module, name in named_by(pickled) if "numpy" not in module}
                assert named <= (CLASSES if step == WINDOWS else set())
                for piece in pieces(unpickle(pickled, is_of_windows)):
                    check_layout(piece)
    return found


def test_an_event_that_comes_too_late_is_scored_and_reported_and_in_no_rollup(tmp_path: Path) -> None:
    payloads = telemetry(EVENTS, VEHICLES)
    # It arrives in second 80, and the window of second 19 was held open until second 40.
    payloads.insert(80 * VEHICLES, payloads.pop(19 * VEHICLES))
    run_main(build(written_to(tmp_path), TestingSource(batches(payloads, BATCH))))
    [late] = results(tmp_path, "late", LateEvent)
    assert (late.vehicle_id, late.ts) == ("VEH-0", START + timedelta(seconds=19))
    assert 38.0 < late.late_by_s < 42.0
    assert late.event_id in {event.event_id for event in results(tmp_path, "enriched", Enriched)}
    assert sum(rollup.events for rollup in rollups(tmp_path).values()) == EVENTS - 1


def test_rollups_can_be_left_out(tmp_path: Path) -> None:
    run_main(build(written_to(tmp_path, enabled=False), TestingSource(batches(telemetry(40), 40))))
    assert len(results(tmp_path, "enriched", Enriched)) == 40
    assert not results(tmp_path, "rollups", Rollup)
