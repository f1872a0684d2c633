"""One sentence about an alert."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import pytest

from config.settings import SignalSettings
from dataflows.alert.book import alert_signal
from dataflows.alert.summary import summary
from dataflows.events import AlertKind, AlertSignal

ONSET = datetime(2026, 3, 1, 12, 3, 4, tzinfo=UTC)
UNITS = {"coolant_temperature": "°C", "fuel": "%", "gear": ""}
CATALOGUE = {name: SignalSettings(pointer=f"/{name}", unit=unit) for name, unit in UNITS.items()}


def say(kind: AlertKind, subject: str, *signals: AlertSignal, **more: Any) -> str:
    return summary(kind, subject, signals, CATALOGUE, onset=ONSET, **more)


def signal(name: str, actual: float | None, typical: float | None) -> AlertSignal:
    return AlertSignal(name=name, actual=actual, typical=typical, share=1.0)


@pytest.mark.parametrize(
    ("sentence", "found"),
    [
        ("No data since 12:03:04 UTC", say("silent", "vehicle")),
        ("Nobody in the fleet sends data since 12:03:04 UTC", say("silent", "fleet")),
        (
            "Coolant temperature is missing since 12:03:04 UTC, though this vehicle usually sends it",
            say("missing", "coolant_temperature", signal("coolant_temperature", None, None)),
        ),
        (
            "Coolant temperature is 118 °C, above its limit of 110 °C, since 12:03:04 UTC",
            say("limit", "coolant_temperature", signal("coolant_temperature", 118.4, 110.0)),
        ),
        (
            "Fuel is 3.2%, below its limit of 5%, since 12:03:04 UTC",
            say("limit", "fuel", signal("fuel", 3.2, 5.0)),
        ),
        (
            "Gear is too high: 6, expected 2.46, since 12:03:04 UTC; seen once in about 22,000 events",
            say("anomaly", "gear", signal("gear", 6.0, 2.456), nats=10.0),
        ),
        (
            "Gear is too low: 1, expected 5, since 12:03:04 UTC",
            say("anomaly", "gear", signal("gear", 1.0, 5.0)),
        ),
        (
            "Coolant temperature stays at 90 °C, since 12:03:04 UTC; seen once in about 150 events",
            say(
                "anomaly",
                "coolant_temperature",
                signal("coolant_temperature", 90.0, None),
                stuck=True,
                nats=5.0,
            ),
        ),
    ],
)
def test_each_kind_has_its_sentence(sentence: str, found: str) -> None:
    assert found == sentence


@pytest.mark.parametrize(
    ("actual", "limit", "words"),
    [
        (11.46, 11.5, "11.46 °C, below its limit of 11.5 °C"),
        (115.04, 115.0, "115.04 °C, above its limit of 115 °C"),
        (115.3, 115.0, "115.3 °C, above its limit of 115 °C"),
        (12345.2, 12345.0, "12345.2 °C, above its limit of 12345 °C"),
        (0.5 + 1e-12, 0.5, "0.500000000001 °C, above its limit of 0.5 °C"),
    ],
)
def test_a_value_that_has_just_passed_its_limit_is_not_written_like_the_limit(
    actual: float, limit: float, words: str
) -> None:
    found = say("limit", "coolant_temperature", signal("coolant_temperature", actual, limit))
    assert found == f"Coolant temperature is {words}, since 12:03:04 UTC"


def test_what_is_rarer_than_can_be_known_is_not_counted() -> None:
    text = say("anomaly", "gear", signal("gear", 6.0, 2.0), nats=math.log(1e9))
    assert text.endswith("seen once in more than a billion events")
    assert "more than a billion" in say("anomaly", "gear", signal("gear", 6.0, 2.0), nats=5000.0)


@pytest.mark.parametrize("nats", [1e-9, 0.5, math.log(2.0), math.log(9.0), math.log(99.9), 20.7])
def test_any_evidence_gives_a_number(nats: float) -> None:
    text = say("anomaly", "gear", signal("gear", 6.0, 2.0), nats=nats)
    number = int(text.rsplit("about ", 1)[1].removesuffix(" events").replace(",", ""))
    assert number == pytest.approx(math.exp(nats), rel=0.07, abs=0.5)


def test_a_young_model_says_so_for_an_hour() -> None:
    lead = signal("gear", 6.0, 2.0)
    assert say("anomaly", "gear", lead, known_for=3599.0).endswith(" (the model is still young)")
    assert not say("anomaly", "gear", lead, known_for=3600.0).endswith("young)")


@pytest.mark.parametrize("kind", ["anomaly", "limit", "missing", "silent"])
def test_what_is_not_known_is_left_out(kind: AlertKind) -> None:
    for text in (
        say(kind, "gear", signal("gear", None, None)),
        say(kind, "gear"),
        say(kind, "not in the catalogue"),
    ):
        assert "nan" not in text.lower()
        assert "None" not in text
        assert "expected" not in text
        assert text[0].isupper()


@pytest.mark.parametrize(
    ("value", "shown"), [(-0.5, "-0.5"), (99.94, "99.9"), (1234.5, "1234"), (0.012345, "0.0123")]
)
def test_numbers_have_three_digits_at_least(value: float, shown: str) -> None:
    assert f" {shown} °C," in say("limit", "coolant_temperature", signal("coolant_temperature", value, None))


@pytest.mark.parametrize(
    ("value", "limit", "shown"),
    [
        (104.9, 104.6, "105 °C, above its limit of 104.6 °C"),
        (11.47, 11.46, "11.5 °C, above its limit of 11.46 °C"),
        (11.465, 11.47, "11.46 °C, below its limit of 11.47 °C"),
        (11.47, 11.5, "11.47 °C, below its limit of 11.5 °C"),
    ],
)
def test_a_limit_is_written_exactly_and_the_value_reads_as_beyond_it(
    value: float, limit: float, shown: str
) -> None:
    assert shown in say("limit", "coolant_temperature", signal("coolant_temperature", value, limit))


def test_a_signal_that_is_missing_has_no_value() -> None:
    assert alert_signal("gear", math.nan, math.nan, 1.0) == signal("gear", None, None)
    assert alert_signal("gear", 1.0, 2.0, 1.0) == signal("gear", 1.0, 2.0)
