"""Numbers and words in texts: what is a number, what a missing value, and what neither."""

from __future__ import annotations

import math
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.decode.texts import MAX_CHARACTERS, TextValues, number_from_text

Decimal = Literal[".", ","]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        *[("0", 0.0), ("61.2", 61.2), (" -5 ", -5.0), ("+5", 5.0), (".5", 0.5), ("5.", 5.0), ("007", 7.0)],
        *[("1e3", 1000.0), ("1.5E-3", 0.0015), ("−12.4", -12.4)],
        *[("1,234.5", 1234.5), ("1,234,567", 1_234_567.0), ("1'234.50", 1234.5), ("1’234", 1234.0)],
        *[("12 345", 12_345.0), ("12\u202f345,000", None), ("1\u00a0234.5 km", 1234.5)],
        *[("45 %", 45.0), ("45%", 45.0), ("61 km/h", 61.0), ("61km/h", 61.0), ("-12.4V", -12.4)],
        *[("18 °C", 18.0), ("18°", 18.0), ("2100 rpm", 2100.0), ("2100 1/min", 2100.0), ("9.8 m/s²", 9.8)],
        *[("9.8 m/s^2", 9.8), ("7.1 l/100km", 7.1), ("7.1 L/100 km", 7.1), ("2 km h-1", 2.0)],
        *[("5 [bar]", 5.0), ("5 (kPa)", 5.0), ("12 US gal", 12.0), ("3.3 µg/m3", 3.3), ("1e3 Ω", 1000.0)],
    ],
)
def test_a_number_may_be_grouped_and_have_a_unit_behind_it(text: str, number: float | None) -> None:
    assert number_from_text(text) == number


@pytest.mark.parametrize(
    "text",
    [
        *["", " ", "-", "+", ".", ",", "%", "km/h", "fast", "V9", "e5", "--5", "+-5", "- 5"],
        *["61,5", "1,23", "1,2345", "12,34,567", "1,234 567", "1.2.3", "1..2", "1 23", "61,"],
        *["2026-05-20", "20.05.2026", "16:39:54", "16h39", "3/4", "1-5", "192.168.0.1"],
        *["0x1F", "0x2", "-0X10", "1HGCM82633A004352", "4 of 5", "5 km/h 6", "1_000", "٣", "½"],
        *["nan", "inf", "Infinity", "1e999", "-1e400", "9" * (MAX_CHARACTERS + 1), "5" + " " * 100 + "km"],
    ],
)
def test_what_could_be_something_else_is_no_number(text: str) -> None:
    assert number_from_text(text) is None


@pytest.mark.parametrize(
    ("text", "number"),
    [("61,5", 61.5), ("1.234,5 km", 1234.5), ("1.234", 1234.0), ("61", 61.0), ("61.5", None), (",5", 0.5)],
)
def test_a_decimal_comma_makes_points_group_thousands(text: str, number: float | None) -> None:
    assert number_from_text(text, ",") == number


@given(number=st.floats(allow_nan=False, allow_infinity=False), decimal=st.sampled_from([".", ","]))
def test_what_python_writes_is_read_exactly(number: float, decimal: Decimal) -> None:
    assert number_from_text(repr(number).replace(".", decimal), decimal) == number


@given(
    number=st.integers(-(10**12), 10**12),
    hundredths=st.integers(0, 99),
    separator=st.sampled_from([",", "'", " ", "\u202f"]),
    unit=st.sampled_from(["", "%", " km/h", " °C", "V"]),
)
def test_groups_of_thousands_and_units_do_not_change_a_number(
    number: int, hundredths: int, separator: str, unit: str
) -> None:
    text = f"{number:,}".replace(",", separator)
    assert number_from_text(f"{text}.{hundredths:02d}{unit}") == float(f"{number}.{hundredths:02d}")


@given(text=st.text(alphabet="0123456789.,'+-eE %kmh/°[]() \u202f", max_size=80))
def test_any_text_is_a_finite_number_or_none_and_space_around_it_does_not_matter(text: str) -> None:
    number = number_from_text(text)
    assert number is None or math.isfinite(number)
    if len(text) < MAX_CHARACTERS:
        assert number_from_text(f" {text}") == number


WORDS = TextValues(missing=["", "N/A", "-"], true=["Yes", "on"], false=["no", "OFF"], decimal=".")


@pytest.mark.parametrize(
    ("text", "value"),
    [("yes", 1.0), (" ON ", 1.0), ("No", 0.0), ("off", 0.0), ("61 km/h", 61.0), ("x", None)],
)
def test_words_mean_one_and_zero_in_any_case(text: str, value: float | None) -> None:
    assert WORDS.read(text) == value


@pytest.mark.parametrize("text", ["", "  ", "n/a", "N/A", "-"])
def test_a_missing_value_is_nan(text: str) -> None:
    value = WORDS.read(text)
    assert value is not None
    assert math.isnan(value)


def test_a_long_text_is_not_a_value_and_is_not_remembered() -> None:
    assert WORDS.read(" " * (MAX_CHARACTERS + 1)) is None
    assert WORDS.read("5" * 1_000_000) is None
