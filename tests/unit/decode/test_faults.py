"""Faults: which events of a batch are ruled out, and the reason that is kept."""

from __future__ import annotations

import pytest

from dataflows.decode.faults import MAX_REASON_CHARACTERS, Faults, described, excerpt


def test_the_first_reason_of_an_event_is_kept() -> None:
    faults = Faults()
    faults.add(1, "first")
    faults.add(1, "second")
    assert faults.in_order() == [(1, "first")]
    assert len(faults) == 1


def test_faults_are_in_the_order_of_their_events_whenever_they_were_found() -> None:
    faults = Faults()
    for position in (3, 0, 2):
        faults.add(position, f"#{position}")
    assert faults.in_order() == [(0, "#0"), (2, "#2"), (3, "#3")]
    assert faults.mask(5).tolist() == [True, False, True, True, False]


def test_a_batch_without_faults_masks_nothing() -> None:
    assert Faults().mask(2).tolist() == [False, False]
    assert not Faults()


def test_a_reason_is_cut_to_its_limit() -> None:
    faults = Faults()
    faults.add(0, "x" * 1000)
    assert faults.in_order() == [(0, "x" * MAX_REASON_CHARACTERS)]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "null"),
        (True, "the boolean true"),
        (5, "the number 5"),
        (0.5, "the number 0.5"),
        ("a\nb", "the string 'a\\nb'"),
        ([1], "an array"),
        ({"a": 1}, "an object"),
    ],
)
def test_a_value_is_described_as_json_calls_it(value: object, words: str) -> None:
    assert described(value) == words


def test_an_excerpt_is_short_and_on_one_line() -> None:
    assert excerpt("\n" * 1000) == "'" + "\\n" * 19 + "\\…"
