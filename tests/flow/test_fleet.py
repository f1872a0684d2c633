"""The whole job: messages in, enriched events and dead letters out."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from bytewax.errors import BytewaxRuntimeError
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import TestingSource, cluster_main, run_main

from config.settings import DEFAULT_FILE, SinkSettings, load
from dataflows.events import DeadLetter, Enriched
from dataflows.fleet import build
from dataflows.messages import MessageBatch
from tests.support.paths import REPOSITORY
from tests.support.telemetry import batches, quick, telemetry

EVERY_BATCH = timedelta(0)


def results(directory: Path, name: str, kind: type[Any] = Enriched) -> list[Any]:
    file = directory / f"{name}.jsonl"
    lines = file.read_bytes().splitlines() if file.exists() else []
    return [msgspec.json.decode(line, type=kind) for line in lines]


def written_to(directory: Path, **update: Any) -> Any:
    base = load(DEFAULT_FILE)
    recording = base.recording.model_copy(update={"results": directory})
    directory.mkdir(exist_ok=True)
    return quick(base, sink=SinkSettings(kind="recording"), recording=recording, **update)


def scores(events: list[Enriched]) -> dict[str, bytes]:
    """Event id → the event on the wire, except for when it was scored, which differs between runs."""
    moment = events[0].ts
    same_moment = (msgspec.structs.replace(event, processed_at=moment) for event in events)
    return {event.event_id: msgspec.json.encode(event) for event in same_moment}


def test_every_event_comes_out_scored_once_with_its_original_bytes(tmp_path: Path) -> None:
    payloads = telemetry(400)
    run_main(build(written_to(tmp_path), TestingSource(batches(payloads, 50))))
    events = results(tmp_path, "enriched")
    assert sorted(bytes(event.telemetry) for event in events) == sorted(payloads)
    assert len({event.event_id for event in events}) == 400
    verdicts = [event for event in events if event.anomaly_threshold is not None]
    assert len(verdicts) > 200
    for event in verdicts:
        assert event.is_anomaly == (event.reconstruction_error > event.anomaly_threshold)
        assert set(event.expected) == set(event.contributions) == {"speed", "rpm"}
        whole = 1.0 if event.reconstruction_error > 0.0 else 0.0
        assert sum(event.contributions.values()) == pytest.approx(whole)


def test_events_of_a_vehicle_keep_their_order(tmp_path: Path) -> None:
    run_main(build(written_to(tmp_path), TestingSource(batches(telemetry(400), 30))))
    for vehicle in range(4):
        times = [event.ts for event in results(tmp_path, "enriched") if event.vehicle_id == f"VEH-{vehicle}"]
        assert len(times) == 100
        assert times == sorted(times)


def test_batches_and_workers_make_no_difference_to_any_score(tmp_path: Path) -> None:
    payloads = telemetry(600, vehicles=9)
    run_main(build(written_to(tmp_path / "one"), TestingSource(batches(payloads, 600))))
    flow = build(written_to(tmp_path / "many"), TestingSource(batches(payloads, 7)))
    cluster_main(flow, [], 0, worker_count_per_proc=3)
    assert scores(results(tmp_path / "many", "enriched")) == scores(results(tmp_path / "one", "enriched"))


@pytest.mark.parametrize("abort_at", [1, 9, 22])
def test_a_job_that_is_aborted_and_resumed_gives_the_scores_of_an_uninterrupted_one(
    tmp_path: Path, abort_at: int
) -> None:
    payloads = telemetry(600)
    run_main(build(written_to(tmp_path / "whole"), TestingSource(batches(payloads, 20))))

    recovery = tmp_path / "recovery"
    recovery.mkdir()
    init_db_dir(recovery, 1)
    parts: list[MessageBatch | TestingSource.ABORT] = [*batches(payloads, 20)]
    parts.insert(abort_at, TestingSource.ABORT())
    for _ in range(2):
        flow = build(written_to(tmp_path / "parts"), TestingSource(parts))
        run_main(flow, epoch_interval=EVERY_BATCH, recovery_config=RecoveryConfig(str(recovery)))
    events = results(tmp_path / "parts", "enriched")
    assert len(events) >= 600
    assert scores(events) == scores(results(tmp_path / "whole", "enriched"))


def test_a_bad_message_becomes_a_dead_letter_and_changes_no_score(tmp_path: Path) -> None:
    good = telemetry(300)
    run_main(build(written_to(tmp_path / "clean"), TestingSource(batches(good, 50, origin="a"))))
    bad = [b"no json", b'{"speed": 3}', b"\xff\xfe"]
    mixed = [*good[:100], *bad, *good[100:]]
    run_main(build(written_to(tmp_path / "mixed"), TestingSource(batches(mixed, 50, origin="a"))))
    letters = results(tmp_path / "mixed", "dead-letter", DeadLetter)
    assert [letter.payload for letter in letters] == bad
    assert [letter.offset for letter in letters] == [100, 101, 102]

    def errors(name: str) -> dict[tuple[str, Any], float]:
        events = results(tmp_path / name, "enriched")
        return {(event.vehicle_id, event.ts): event.reconstruction_error for event in events}

    assert errors("mixed") == errors("clean")


def test_a_job_that_gets_mostly_bad_messages_stops(tmp_path: Path) -> None:
    settings = written_to(tmp_path)
    limits = settings.dead_letters.model_copy(update={"max_run": 10})
    flow = build(settings.model_copy(update={"dead_letters": limits}), TestingSource(batches([b"?"] * 50, 5)))
    with pytest.raises(BytewaxRuntimeError):
        run_main(flow)


def test_missing_and_infinite_values_are_scored_as_partial(tmp_path: Path) -> None:
    payloads = telemetry(200)
    for number in range(120, 152):  # for longer than values are held
        payloads[number] = payloads[number].replace(b'"rpm":', b'"rpm":NaN,"was":')
    payloads[151] = payloads[151].replace(b'"speed":', b'"fast":')
    run_main(build(written_to(tmp_path), TestingSource(batches(payloads, 40))))
    events = {event.event_id: event for event in results(tmp_path, "enriched")}
    assert events["test:150"].status == events["test:151"].status == "partial"
    assert msgspec.json.decode(events["test:150"].telemetry)["rpm"] is None
    assert not results(tmp_path, "dead-letter", DeadLetter)


def test_an_implausible_value_is_named(tmp_path: Path) -> None:
    payloads = telemetry(200)
    fields = msgspec.json.decode(payloads[190])
    payloads[190] = msgspec.json.encode(fields | {"speed": 999.0})
    run_main(build(written_to(tmp_path), TestingSource(batches(payloads, 40))))
    events = {event.event_id: event for event in results(tmp_path, "enriched")}
    assert events["test:190"].implausible == ("speed",)
    assert events["test:190"].is_anomaly
    assert all(event.implausible == () for name, event in events.items() if name != "test:190")


def test_the_command_plays_a_recording_through_the_flow(tmp_path: Path) -> None:
    recording = tmp_path / "trip.jsonl"
    recording.write_bytes(b"\n".join(telemetry(100)) + b"\n")
    done = command(
        FLEET__SOURCE__KIND="recording",
        FLEET__SINK__KIND="recording",
        FLEET__RECORDING__INPUT=str(recording),
        FLEET__RECORDING__RESULTS=str(tmp_path),
    )
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / "enriched.jsonl").read_bytes().splitlines()) == 100


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"FLEET__MQTT__PORT": "none"}, "mqtt.port"),
        pytest.param({"FLEET__SOURCE__KIND": "recording"}, "recording.input", marks=pytest.mark.long),
        pytest.param(
            {"FLEET__SOURCE__KIND": "recording", "FLEET__RECORDING__INPUT": "gone.csv"},
            "gone.csv",
            marks=pytest.mark.long,
        ),
    ],
)
def test_a_wrong_setting_gives_a_one_line_error(changes: dict[str, str], expected: str) -> None:
    done = command(**changes)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("fleet: ")
    assert expected in done.stderr


def test_an_error_inside_the_engine_has_no_traceback(tmp_path: Path) -> None:
    recording = tmp_path / "trip.jsonl"
    recording.write_bytes(b"{}\n" * 1000)
    done = command(
        FLEET__SOURCE__KIND="recording",
        FLEET__SINK__KIND="recording",
        FLEET__RECORDING__INPUT=str(recording),
        FLEET__RECORDING__RESULTS=str(tmp_path),
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("fleet: 501 events in a row could not be decoded")
    assert "panicked" not in done.stderr


def command(**environment: str) -> subprocess.CompletedProcess[str]:
    """Run ``python -m bytewax.run dataflows.fleet`` until it exits."""
    return subprocess.run(
        [sys.executable, "-m", "bytewax.run", "dataflows.fleet"],
        cwd=REPOSITORY,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
