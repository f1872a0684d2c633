"""The signals of a backtest: what their roles and expressions mean for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from config.errors import SettingsError
from config.settings import DEFAULT_FILE, Settings, SignalSettings, load
from dataflows.backtest.catalogue import with_catalogue
from dataflows.backtest.run import run
from dataflows.recordings import open_recording
from tests.support.telemetry import quick, telemetry


@pytest.fixture
def settings() -> Settings:
    return quick(load(DEFAULT_FILE))


def recording_of(directory: Path, payloads: list[bytes]) -> Path:
    path = directory / "telemetry.jsonl"
    path.write_bytes(b"\n".join(payloads) + b"\n")
    return path


def with_asleep(settings: Settings, condition: str) -> Settings:
    return settings.model_copy(update={"alerts": settings.alerts.model_copy(update={"asleep": condition})})


def test_a_context_signal_never_leads_and_has_no_share_in_the_error(
    tmp_path: Path, settings: Settings
) -> None:
    recording = open_recording(recording_of(tmp_path, telemetry(400)))
    speed = settings.signals["speed"].model_copy(update={"role": "context"})
    explaining = settings.model_copy(update={"signals": {**settings.signals, "speed": speed}})
    plain, found = run(settings, recording), run(explaining, recording)
    assert (plain.columns["error"] != found.columns["error"]).any()
    assert {plain.signals[column] for column in plain.columns["leading"]} == {"speed", "rpm"}
    assert {found.signals[column] for column in found.columns["leading"]} == {"rpm"}
    assert {name for episode in found.worst_episodes() for name, _ in episode.leading} <= {"rpm"}


def test_a_derived_signal_of_the_settings_is_computed_from_a_recording(
    tmp_path: Path, settings: Settings
) -> None:
    gap = SignalSettings(expression="rpm - 30 * speed")
    settings = settings.model_copy(update={"signals": {"gap": gap, **settings.signals}})
    recording = open_recording(recording_of(tmp_path, telemetry(100)))
    settings = with_catalogue(settings, recording, "", None)
    results = run(settings, recording)
    assert results.signals == ["gap", "speed", "rpm"]
    assert np.isfinite(results.columns["error"]).all()


def test_a_condition_about_signals_that_the_recording_lacks_is_dropped(
    tmp_path: Path, settings: Settings
) -> None:
    table = tmp_path / "trip.csv"
    table.write_text("time,velocity\n" + "".join(f"{n},{n % 7}\n" for n in range(50)), encoding="utf-8")
    for condition, left in (("speed == 0", None), ("velocity == 0", "velocity == 0")):
        found = with_catalogue(with_asleep(settings, condition), open_recording(table), "velocity", None)
        assert found.alerts.asleep == left


def test_a_label_that_is_the_only_target_is_refused(tmp_path: Path, settings: Settings) -> None:
    signals = {"speed": settings.signals["speed"], "rpm": SignalSettings(pointer="/rpm", role="context")}
    settings = settings.model_copy(update={"signals": signals})
    recording = open_recording(recording_of(tmp_path, telemetry(10)))
    with pytest.raises(SettingsError, match="expected another signal to score, got only the label 'speed'"):
        with_catalogue(settings, recording, "config", "speed")
