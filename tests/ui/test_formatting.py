"""Numbers, durations and untrusted text as the page shows them."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from ui.formatting import duration, latency, markdown, number, plain, quantity


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
    assert number(value) == text


@given(st.floats(min_value=1.0, max_value=1e12))
def test_a_formatted_number_is_within_half_a_percent_of_the_value(value: float) -> None:
    read = float(number(value).replace(",", ""))
    assert read == pytest.approx(value, rel=0.005)


def test_a_scale_instead_of_a_unit_is_in_brackets() -> None:
    assert quantity(3.0, "1-5") == "3 (1-5)"
    assert quantity(12.0, "1/min") == "12 1/min"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-3.0, "0.0 s"), (0.34, "0.3 s"), (32.2, "32 s"), (99.7, "2 min"), (7_000.0, "2 h"), (200_000.0, "2 d")],
)
def test_durations_have_one_unit(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1.0, "0 ms"), (0.0384, "38 ms"), (0.9994, "999 ms"), (0.9996, "1.0 s"), (75.0, "75 s")],
)
def test_latencies_are_in_milliseconds_below_a_second(seconds: float, text: str) -> None:
    assert latency(seconds) == text


@given(st.text(max_size=60))
def test_markdown_of_any_text_shows_exactly_that_text(text: str) -> None:
    rendered = MarkdownIt("commonmark").render(f"before {markdown(text)} after")
    shown = html.unescape(re.sub(r"</?p>|\n", "", rendered)).replace("\N{WORD JOINER}", "")
    expected = plain(text).replace("\N{WORD JOINER}", "")
    assert re.sub(" +", " ", shown) == re.sub(" +", " ", f"before {expected} after")


@pytest.mark.parametrize(
    "text",
    ["http://evil.example", "www.evil.example", "a@evil.example", ":smile:", ":material/home:", ":red[x]"],
)
def test_links_and_directives_without_markup_are_broken_up(text: str) -> None:
    assert text not in markdown(text).replace("\\", "")


def test_untrusted_text_is_one_line_without_control_characters_and_not_too_long() -> None:
    assert plain("a\nb\x00c\u202ed") == "a\ufffdb\ufffdc\ufffdd"
    assert len(plain("x" * 10_000)) == 80
