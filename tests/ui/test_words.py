"""Events in words."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from config.settings import SignalSettings, load
from tests.support.enriched_events import START, enriched
from ui import words
from ui.fleet_state import VehicleSnapshot
from ui.signal_values import SignalReader

SETTINGS = load()
READER = SignalReader(SETTINGS.signals, "latitude", "longitude")
NOW = START.timestamp()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (131.4, "131"),
        (92.27, "92.3"),
        (4.567, "4.57"),
        (0.03121, "0.031"),
        (3214.0, "3,214"),
        (-9.0, "−9"),
        (100.0, "100"),
        (1.5e12, "1.5e+12"),
        (0.00001, "1e-05"),
    ],
)
def test_numbers_have_three_significant_digits_and_no_empty_decimals(value: float, text: str) -> None:
    assert words.number(value) == text


@given(st.floats(min_value=1.0, max_value=1e12))
def test_a_number_in_words_is_within_half_a_percent_of_the_value(value: float) -> None:
    read = float(words.number(value).replace(",", ""))
    assert read == pytest.approx(value, rel=0.005)


def test_an_anomaly_is_told_by_its_leading_signals_with_units() -> None:
    event = enriched("VEH-1", error=5.0, measured={"engine_temperature": 131.2})
    told = words.anomaly_words(event, READER.values(event.telemetry), SETTINGS.signals)
    assert told == "engine_temperature 131 °C, expected 90 °C"


def test_a_value_and_an_expectation_that_differ_never_read_the_same() -> None:
    assert words.comparison("fuel", 92.27, 92.31, "%") == "fuel 92.27 %, expected 92.31 %"


def test_a_signal_that_was_not_sent_is_told_as_missing() -> None:
    assert words.comparison("fuel", None, 50.0, "%") == "fuel missing, expected 50 %"


def test_an_anomaly_to_which_every_signal_contributes_a_little_says_so() -> None:
    shares = dict.fromkeys(SETTINGS.scored_signals, 0.1)
    event = enriched("VEH-1", error=5.0, contributions=shares)
    assert words.anomaly_words(event, {}, SETTINGS.signals) == "no single signal stands out"


def test_a_scale_instead_of_a_unit_stands_in_brackets() -> None:
    assert words.quantity(3.0, "1-5") == "3 (1-5)"
    assert words.quantity(12.0, "1/min") == "12 1/min"


def test_implausible_values_are_told_with_the_range_they_left() -> None:
    event = enriched("VEH-1", measured={"rpm": 12_000.0}, implausible=("rpm",))
    told = words.implausible_words(event, READER.values(event.telemetry), SETTINGS.signals)
    assert told == "rpm 12,000 1/min, plausible 0 to 9,000"


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
    assert words.plausible_range(SignalSettings(pointer="/x", min=low, max=high)) == text


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
    assert words.status_words(vehicle, NOW, stale_after=10.0) == state


def test_missing_signals_are_named() -> None:
    event = enriched("VEH-1", measured={"fuel": None, "rpm": None})
    assert words.missing_words(READER.values(event.telemetry), SETTINGS.signals) == "missing rpm, fuel"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-3.0, "0.0 s"), (0.34, "0.3 s"), (32.2, "32 s"), (99.7, "2 min"), (7_000.0, "2 h"), (200_000.0, "2 d")],
)
def test_durations_are_told_in_one_unit(seconds: float, text: str) -> None:
    assert words.duration(seconds) == text


@given(st.text(max_size=60))
def test_markdown_of_any_text_shows_that_text_and_nothing_else(text: str) -> None:
    rendered = MarkdownIt("commonmark").render(f"before {words.markdown(text)} after")
    shown = html.unescape(re.sub(r"</?p>|\n", "", rendered)).replace("\N{WORD JOINER}", "")
    expected = words.plain(text).replace("\N{WORD JOINER}", "")
    assert re.sub(" +", " ", shown) == re.sub(" +", " ", f"before {expected} after")


@pytest.mark.parametrize(
    "text",
    ["http://evil.example", "www.evil.example", "a@evil.example", ":smile:", ":material/home:", ":red[x]"],
)
def test_links_and_directives_that_markdown_finds_by_itself_are_taken_apart(text: str) -> None:
    assert text not in words.markdown(text).replace("\\", "")


def test_foreign_text_is_one_line_without_control_characters_and_not_too_long() -> None:
    assert words.plain("a\nb\x00c\u202ed") == "a\ufffdb\ufffdc\ufffdd"
    assert len(words.plain("x" * 10_000)) == 80
