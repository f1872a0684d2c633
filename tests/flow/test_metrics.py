"""The metrics that the job counts as events pass through it."""

from __future__ import annotations

from pathlib import Path

import pytest
from bytewax.testing import TestingSource, run_main
from prometheus_client import REGISTRY

from config.settings import Settings, load
from dataflows.fleet import build
from tests.support.telemetry import batches, quick, telemetry, without_offsets


def written_to(directory: Path) -> Settings:
    settings = quick(load())
    return settings.model_copy(
        update={
            "sink": settings.sink.model_copy(update={"kind": "recording"}),
            "recording": settings.recording.model_copy(update={"results": directory}),
        }
    )


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_late_events_duplicates_and_dead_letters_are_counted(tmp_path: Path) -> None:
    payloads = telemetry(400)
    late = telemetry(400)[8]
    messages = [*payloads, payloads[-1], late, b"bad"]
    names = {
        "late": ("fleet_events_total", {"status": "late"}),
        "ok": ("fleet_events_total", {"status": "ok"}),
        "duplicates": ("fleet_duplicates_total", {}),
        "dead letters": ("fleet_dead_letters_total", {"reason": "not_json"}),
        "vehicles": ("fleet_vehicles", {}),
    }
    before = {what: counted(name, **labels) for what, (name, labels) in names.items()}
    run_main(build(written_to(tmp_path), TestingSource(without_offsets(messages, 50))))
    more = {what: counted(name, **labels) - before[what] for what, (name, labels) in names.items()}
    assert more["late"] == more["duplicates"] == more["dead letters"] == 1
    assert more["vehicles"] == 4
    assert more["ok"] > 200


def test_a_fleet_larger_than_a_shard_may_know_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = written_to(tmp_path)
    detector = settings.detector.model_copy(update={"vehicles": 10, "shards": 1})
    settings = settings.model_copy(update={"detector": detector})
    before = counted("fleet_vehicles_forgotten_total")
    run_main(build(settings, TestingSource(batches(telemetry(600, vehicles=200), 100))))
    assert counted("fleet_vehicles_forgotten_total") - before >= 100
    assert "raise detector.vehicles" in caplog.text
