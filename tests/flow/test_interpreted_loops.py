"""A new job scores before its loops are compiled, and what it emits is what compiled loops would have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from bytewax.testing import TestingSource, run_main

from config.settings import DEFAULT_FILE, SinkSettings, load
from dataflows.compiled import loop
from dataflows.compiled.interpreter import interpret
from dataflows.compiled.loop import CompiledLoop, Signature
from dataflows.fleet import build
from scripts.brokers.process import Broker
from scripts.waiting import wait_until
from tests.support.mqtt_clients import publish
from tests.support.mqtt_fleet import TWO_SIGNALS, EnrichedInbox, Job
from tests.support.telemetry import batches, quick, telemetry

OF_THE_CLOCK = {"processed_at", "changed_at", "made_at"}


class Never:
    """Compiles nothing, so that loops stay in the interpreter."""

    def compile(self, loop: CompiledLoop, signature: Signature) -> None:
        pass


def emitted(directory: Path) -> dict[str, list[dict[str, Any]]]:
    """What a job emits about 600 events with a fault, some of them out of order: file → messages."""
    payloads = telemetry(600)
    for place in range(400, 600, 4):
        payloads[place] = payloads[place].replace(b'"speed":', b'"speed":240,"was":')
    payloads[500:520] = reversed(payloads[500:520])
    base = load(DEFAULT_FILE)
    recording = base.recording.model_copy(update={"results": directory})
    settings = quick(base, sink=SinkSettings(kind="recording"), recording=recording)
    speed = settings.signals["speed"].model_copy(update={"high": 200.0})
    settings = settings.model_copy(update={"signals": settings.signals | {"speed": speed}})
    run_main(build(settings, TestingSource(batches(payloads, 100))))
    files = sorted(directory.glob("*.jsonl"))
    return {
        file.name: [
            {key: value for key, value in msgspec.json.decode(line).items() if key not in OF_THE_CLOCK}
            for line in file.read_bytes().splitlines()
        ]
        for file in files
    }


def test_interpreted_loops_have_the_results_of_compiled_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled = emitted(tmp_path / "compiled")
    monkeypatch.setattr(CompiledLoop, "compiler", Never())
    monkeypatch.setattr(CompiledLoop, "_has_machine_code", lambda *_: False)
    loops: set[str] = set()

    def noted(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        loops.add(f"{function.__module__}.{function.__qualname__}")
        return interpret(function, arguments)

    monkeypatch.setattr(loop, "interpret", noted)
    interpreted = emitted(tmp_path / "interpreted")

    assert {"dataflows.alert.evidence_kernel.judge", "dataflows.rollup.run_kernel.fold"} <= loops
    assert len(loops) > 30
    assert {"alerts.jsonl", "enriched.jsonl", "rollups.jsonl"} <= compiled.keys()
    assert any(event["is_anomaly"] for event in compiled["enriched.jsonl"])
    assert interpreted == compiled


def test_a_new_job_scores_its_first_event_before_its_loops_are_compiled(
    durable_broker: Broker, topic: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "loops"))
    job = Job(durable_broker.settings(), tmp_path / "job", topic, TWO_SIGNALS)
    try:
        with EnrichedInbox(durable_broker.settings(), job.enriched) as inbox:
            job.start()
            publish(job.mqtt, [(job.telemetry.replace("+", "VEH-0"), payload) for payload in telemetry(8, 1)])
            wait_until(lambda: inbox.received, "a scored event")
            log = job.log.read_text()
        assert "compiling loops for this processor" in log
        assert "loops compiled" not in log
        assert job.terminate().statuses == [0]
        assert "cannot compile" not in job.log.read_text(), "that its process ends with the job is no trouble"
    finally:
        job.kill()
