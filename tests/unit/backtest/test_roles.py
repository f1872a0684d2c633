"""Which columns a backtest scores, and which one tells vehicles apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from config.settings import FILE_VARIABLE, Settings, load
from dataflows.backtest.catalogue import with_catalogue
from dataflows.backtest.roles import sentence
from dataflows.backtest.run import run
from dataflows.recordings import Recording, TableOptions, open_recording
from tests.support.paths import REPOSITORY

CASES = REPOSITORY / "tests" / "data" / "cases"
ROWS = 200


@pytest.fixture(scope="module")
def settings() -> Settings:
    return load()


def table(tmp_path: Path, **columns: object) -> Recording:
    """A table with a speed that varies; an array is another column, anything else stands in every row."""
    speed = np.random.default_rng(1).normal(50, 10, ROWS).round(1)
    filled = {"time": np.arange(ROWS), "speed": speed} | {
        name: values if isinstance(values, np.ndarray | list) else [values] * ROWS
        for name, values in columns.items()
    }
    lines = [",".join(filled), *(",".join(map(str, row)) for row in zip(*filled.values(), strict=True))]
    path = tmp_path / "trip.csv"
    path.write_text("\n".join(lines) + "\n")
    return open_recording(path)


@pytest.mark.parametrize(
    ("name", "values", "reason"),
    [
        ("lat", 52.5 + np.arange(ROWS) % 7 / 1e4, "position"),
        ("GPS Longitude", 13.4 + np.arange(ROWS) % 7 / 1e4, "position"),
        ("heading", np.arange(ROWS) * 3 % 360, "circular"),
        ("odometer", 41_000 + np.arange(ROWS) // 9, "counter"),
        ("Trip time", np.arange(ROWS) % 120, "counter"),
        ("n", np.arange(ROWS), "counter"),
        ("driverID", 1000 + np.arange(ROWS) % 2, "id"),
        ("fuel", 40, "constant"),
        ("model_year", 2015 + np.arange(ROWS) % 3, "year"),
    ],
)
def test_what_tells_nothing_of_the_behaviour_of_a_vehicle_is_not_scored_and_that_is_said(
    tmp_path: Path, settings: Settings, name: str, values: object, reason: str
) -> None:
    recording = table(tmp_path, **{name: values})
    assert list(with_catalogue(settings, recording, "", None).signals) == ["speed"]
    assert any(f"not scored: {name} ({reason})" in warning for warning in recording.warnings)
    assert list(with_catalogue(settings, recording, f"speed,{name}", None).signals) == ["speed", name]
    assert list(with_catalogue(settings, recording, "all", None).signals) == ["speed", name]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("LONG_TERM_FUEL_TRIM", np.arange(ROWS) % 5),
        ("lat acceleration", np.arange(ROWS) % 5),
        ("bearing temperature", 40 + np.arange(ROWS) % 5),
        ("coolant", 18 + np.minimum(np.arange(ROWS) // 4, 70) + np.arange(ROWS) % 2),
        ("warming up", 18 + np.sqrt(np.arange(ROWS)).round(1)),
        ("door", np.arange(ROWS) % 2),
    ],
)
def test_signals_that_look_like_something_else_are_scored(
    tmp_path: Path, settings: Settings, name: str, values: object
) -> None:
    recording = table(tmp_path, **{name: values})
    assert list(with_catalogue(settings, recording, "auto", None).signals) == ["speed", name]


def test_columns_that_are_left_out_are_grouped_by_reason() -> None:
    said = sentence({"lat": "position", "heading": "circular", "lon": "position"})
    assert said.startswith("not scored: lat, lon (position), heading (circular); ")


def test_the_rows_of_a_fleet_in_one_table_are_those_of_its_vehicles(settings: Settings) -> None:
    recording = open_recording(CASES / "fleet_in_one_table_other_id_name" / "fleet.csv")
    found = with_catalogue(settings, recording, "", None)
    assert found.payload.vehicle_id == "/device_id"
    assert list(found.signals) == ["speed", "rpm", "coolant", "voltage"]
    [warning] = recording.warnings
    assert "'device_id'" in warning
    assert '[payload] vehicle_id = "/device_id"' in warning


def test_the_vehicle_id_of_the_settings_wins_where_the_table_has_it(
    tmp_path: Path, settings: Settings
) -> None:
    recording = table(
        tmp_path, vin=[f"V{row % 2}" for row in range(ROWS)], car=[f"C{row % 4}" for row in range(ROWS)]
    )
    payload = settings.payload.model_copy(update={"vehicle_id": "/car"})
    found = with_catalogue(settings.model_copy(update={"payload": payload}), recording, "", None)
    assert found.payload.vehicle_id == "/car"
    assert not any("vehicle_id" in warning for warning in recording.warnings)


def test_a_journey_is_not_taken_for_a_vehicle_but_the_setting_that_would_is_named(
    tmp_path: Path, settings: Settings
) -> None:
    path = tmp_path / "trips.csv"
    rows = [f"{trip},{second},{second * 7 % 13}" for trip in (1, 2) for second in range(100)]
    path.write_text("\n".join(["tripID,time,speed", *rows]) + "\n")
    recording = open_recording(path)
    assert with_catalogue(settings, recording, "", None).payload.vehicle_id == "topic"
    assert any(
        '[payload] vehicle_id = "/tripID" makes a vehicle of each' in said for said in recording.warnings
    )


def test_one_vehicle_in_a_table_is_named_after_its_file(tmp_path: Path, settings: Settings) -> None:
    recording = table(tmp_path, device_id=7)
    assert with_catalogue(settings, recording, "", None).payload.vehicle_id == "topic"


@pytest.mark.parametrize("pointer", ["/logged", "/speed/x", "/note"])
def test_the_time_of_the_settings_is_that_of_a_table_that_has_it_in_their_format(
    tmp_path: Path, settings: Settings, pointer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FILE_VARIABLE, "mine.toml")
    logged = [f"2026-07-13T10:00:{row % 60:02d}Z" for row in range(ROWS)]
    recording = table(tmp_path, logged=logged, note="dry")
    told = settings.model_copy(update={"payload": settings.payload.model_copy(update={"time": pointer})})
    obeyed = with_catalogue(told, recording, "auto", None).payload.time
    assert obeyed == (pointer if pointer == "/logged" else None)
    assert any("(payload.time)" in warning for warning in recording.warnings) == (pointer == "/note")


def test_a_time_column_on_the_command_line_overrides_the_settings(tmp_path: Path, settings: Settings) -> None:
    path = table(tmp_path, logged=[f"2026-07-13T10:00:{row % 60:02d}Z" for row in range(ROWS)]).path
    told = settings.model_copy(update={"payload": settings.payload.model_copy(update={"time": "/logged"})})
    recording = open_recording(path, TableOptions(time="time"))
    assert with_catalogue(told, recording, "auto", None).payload.time is None
    assert recording.time_column == "time"


def test_a_counter_of_each_of_several_vehicles_is_not_scored(tmp_path: Path, settings: Settings) -> None:
    odometer = [row + (5000 if row % 2 else 0) for row in range(ROWS)]
    recording = table(tmp_path, vehicle_id=["A", "B"] * (ROWS // 2), odometer=odometer)
    chosen = with_catalogue(settings, recording, "auto", None)
    assert chosen.payload.vehicle_id == "/vehicle_id"
    assert "odometer" not in chosen.signals


def test_a_row_is_an_event_even_where_the_topic_names_signals(tmp_path: Path, settings: Settings) -> None:
    topics = settings.topics.model_copy(update={"telemetry": "v/{vehicle}/{signal}"})
    recording = table(tmp_path)
    found = with_catalogue(settings.model_copy(update={"topics": topics}), recording, "auto", None)
    assert len(run(found, recording).columns["row"]) == ROWS
