"""What `[rollups]` and `measures` refuse, in one line that says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.errors import SettingsError
from config.settings import DEFAULT_FILE, load


def error(tmp_path: Path, old: str, new: str) -> str:
    """What is said about the shipped settings after a change."""
    text = DEFAULT_FILE.read_text(encoding="utf-8")
    assert old in text
    file = tmp_path / "changed.toml"
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(SettingsError) as raised:
        load(file)
    assert "\n" not in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize("window", ["7.0", "0.5", "604800.0", "86401.0"])
def test_windows_divide_a_day(window: str, tmp_path: Path) -> None:
    said = error(tmp_path, "window = 60.0 ", f"window = {window} ")
    assert "rollups" in said
    assert "whole seconds that divide a day, such as 60 or 900, got " in said


@pytest.mark.parametrize("window", [1.0, 60.0, 900.0, 86_400.0])
def test_windows_of_any_part_of_a_day_are_accepted(window: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEET__ROLLUPS__WINDOW", str(window))
    assert load(DEFAULT_FILE).rollups.window == window


@pytest.mark.parametrize("key", ["window", "allowed_lateness", "pause"])
@pytest.mark.parametrize("value", ["-1.0", "nan", "inf", "1e300"])
def test_times_are_not_negative_and_no_longer_than_years(
    key: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"FLEET__ROLLUPS__{key.upper()}", value)
    with pytest.raises(SettingsError, match=f"rollups.*{key}: "):
        load(DEFAULT_FILE)


@pytest.mark.parametrize("value", ["-1.0", "nan", "inf"])
def test_the_speed_from_which_a_vehicle_moves_is_a_number(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEET__ROLLUPS__MOVING_ABOVE", value)
    with pytest.raises(SettingsError, match=r"rollups\.moving_above: "):
        load(DEFAULT_FILE)


def test_two_signals_cannot_measure_the_same(tmp_path: Path) -> None:
    said = error(
        tmp_path,
        "[signals.acceleration]",
        '[signals.other]\nunit = "km/h"\nmeasures = "speed"\n\n[signals.acceleration]',
    )
    assert "expected one signal that measures 'speed', got speed, other" in said


@pytest.mark.parametrize("measures", ["speed", "odometer"])
def test_what_is_measured_has_a_unit_that_is_known(measures: str, tmp_path: Path) -> None:
    said = error(tmp_path, 'measures = "running"', f'measures = "{measures}"')
    assert "unit: expected one of 'km" in said
    assert f"for what measures {measures!r}, got '1/min'" in said
