"""Enriched events in words."""

from __future__ import annotations

import pytest

from config.settings import SignalSettings, load
from tests.support.enriched_events import START, enriched
from ui.descriptions import (
    compare,
    describe_anomaly,
    describe_implausible,
    describe_missing,
    describe_status,
    leading_signals,
    plausible_range,
    ranked_shares,
)
from ui.live.fleet_state import VehicleSnapshot

SETTINGS = load()
NOW = START.timestamp()


def test_an_anomaly_is_described_by_its_leading_signals_with_units() -> None:
    event = enriched("VEH-1", error=5.0, measured={"engine_temperature": 131.2})
    text = describe_anomaly(event, SETTINGS.signals)
    assert text == "engine_temperature 131 °C, expected 90 °C"


def test_a_value_and_an_expectation_that_differ_never_read_the_same() -> None:
    assert compare("fuel", 92.27, 92.31, "%") == "fuel 92.27 %, expected 92.31 %"


def test_a_signal_that_was_not_sent_is_described_as_missing() -> None:
    assert compare("fuel", None, 50.0, "%") == "fuel missing, expected 50 %"


def test_an_anomaly_to_which_every_signal_contributes_a_little_says_so() -> None:
    shares = dict.fromkeys(SETTINGS.scored_signals, 0.1)
    event = enriched("VEH-1", error=5.0, contributions=shares)
    assert describe_anomaly(event, SETTINGS.signals) == "no single signal stands out"


def test_a_context_signal_is_never_the_cause_however_large_its_share_is() -> None:
    shares = {"speed_limit": 0.6, "traffic": 0.2, "rpm": 0.2}
    event = enriched("VEH-1", error=5.0, measured={"rpm": 5_000.0}, contributions=shares)
    assert leading_signals(event, SETTINGS.signals) == ["rpm"]
    assert ranked_shares(event, SETTINGS.signals) == [("rpm", 0.2)]
    assert describe_anomaly(event, SETTINGS.signals) == "rpm 5,000 1/min, expected 2,400 1/min"
    event = enriched("VEH-1", error=5.0, contributions={"speed_limit": 1.0, "rpm": 0.0})
    assert describe_anomaly(event, SETTINGS.signals) == "no single signal stands out"


def test_a_signal_that_the_page_does_not_know_may_be_the_cause() -> None:
    assert leading_signals(enriched("VEH-1", contributions={"boost": 1.0}), SETTINGS.signals) == ["boost"]


def test_implausible_values_are_described_with_their_plausible_range() -> None:
    event = enriched("VEH-1", measured={"rpm": 12_000.0}, implausible=("rpm",))
    text = describe_implausible(event, SETTINGS.signals)
    assert text == "rpm 12,000 1/min, plausible 0 to 9,000"


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (None, None, "any"),
        (0.0, None, "at least 0"),
        (None, 100.0, "at most 100"),
        (-40.0, 150.0, "−40 to 150"),
    ],
)
def test_a_plausible_range_reads_as_a_range(low: float | None, high: float | None, text: str) -> None:
    assert plausible_range(SignalSettings(pointer="/x", min=low, max=high)) == text


@pytest.mark.parametrize(
    ("vehicle", "state"),
    [
        (VehicleSnapshot(enriched("V"), NOW, False, ()), "ok"),
        (VehicleSnapshot(enriched("V"), NOW - 32.0, False, ()), "silent 32 s"),
        (VehicleSnapshot(enriched("V", error=2.0), NOW - 32.0, False, ()), "silent 32 s"),
        (VehicleSnapshot(enriched("V", error=2.0, status="partial"), NOW, False, ()), "anomaly"),
        (VehicleSnapshot(enriched("V", threshold=None), NOW, False, ()), "warming up"),
        (VehicleSnapshot(enriched("V"), NOW, True, ()), "late"),
        (VehicleSnapshot(enriched("V", status="partial"), NOW, False, ()), "partial"),
        (VehicleSnapshot(enriched("V", implausible=("rpm",)), NOW, False, ()), "implausible"),
    ],
)
def test_the_state_of_a_vehicle_is_the_most_important_one(vehicle: VehicleSnapshot, state: str) -> None:
    assert describe_status(vehicle, NOW, stale_after=10.0) == state


def test_missing_signals_are_named() -> None:
    event = enriched("VEH-1", measured={"fuel": None, "rpm": None})
    assert describe_missing(event, SETTINGS.signals) == "missing rpm, fuel"
