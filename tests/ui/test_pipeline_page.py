"""The page *Pipeline*."""

from __future__ import annotations

from datetime import UTC

import msgspec
import pytest

from config.settings import load
from dataflows.events import DeadLetter
from tests.support.enriched_events import START
from ui.live.fleet_state import DEAD_LETTERS_KEPT, FleetState
from ui.pipeline.metrics_scraper import ProcessMetrics, Reading
from ui.pipeline.page import (
    bad_values_frame,
    dead_letter_frame,
    how_to_see_metrics,
    process_frame,
    rate_frame,
    summary,
)


def reading(at: float, events: float, **more: float) -> Reading:
    values: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {
        ("fleet_events_total", (("status", "ok"),)): events
    }
    return Reading(at, values | {(name, ()): value for name, value in more.items()})


def process(*readings: Reading, trouble: str = "") -> ProcessMetrics:
    return ProcessMetrics("http://127.0.0.1:3030/metrics", readings, trouble)


def letter(number: int, payload: bytes = b"{oops") -> DeadLetter:
    return DeadLetter(
        reason=f"reason {number}", payload=payload, topic="t", partition="mqtt", offset=None, arrived_at=START
    )


def test_a_process_that_answers_has_figures_and_another_its_trouble() -> None:
    running = process(reading(0.0, 100), reading(2.0, 300, fleet_anomalies_total=3.0))
    frame = process_frame([running, process(trouble="Connection refused")])
    assert frame["State"].tolist() == ["answers", "Connection refused"]
    assert frame["Events/s"].tolist() == ["100", ""]
    assert frame["Flagged"].tolist() == ["1.00%", ""]
    assert "1 of 2 processes" in summary([running, process(trouble="gone")])


def test_the_rate_is_not_drawn_across_a_restart() -> None:
    frame = rate_frame([process(reading(0.0, 100), reading(2.0, 300), reading(4.0, 10), reading(6.0, 50))])
    assert frame["rate"].tolist() == [100.0, 20.0]


def test_signals_with_unreadable_values_come_the_most_first() -> None:
    values: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {
        ("fleet_bad_values_total", (("signal", signal),)): count
        for signal, count in (("speed", 2.0), ("fuel", 9.0), ("rpm", 0.0))
    }
    frame = bad_values_frame([process(Reading(0.0, values))])
    assert frame["Signal"].tolist() == ["fuel", "speed"]


def test_dead_letters_are_shown_with_their_reason_and_without_control_characters() -> None:
    frame = dead_letter_frame([letter(1, b"\x00\xff{"), letter(2)], UTC)
    assert frame["Reason"].tolist() == ["reason 1", "reason 2"]
    assert frame["Bytes"].tolist() == ["3", "5"]
    assert all(text.isprintable() for text in frame["Begins with"])


def test_the_latest_dead_letters_are_kept_the_newest_first() -> None:
    state = FleetState(load().page)
    for number in range(DEAD_LETTERS_KEPT + 7):
        state.record_dead_letter(msgspec.json.encode(letter(number)))
    state.record_dead_letter(b"not even that")
    fleet = state.snapshot()
    assert fleet.dead_letters == DEAD_LETTERS_KEPT + 8
    assert len(fleet.latest_dead_letters) == DEAD_LETTERS_KEPT
    assert fleet.latest_dead_letters[0].reason == f"reason {DEAD_LETTERS_KEPT + 6}"


@pytest.mark.parametrize("word", ["BYTEWAX_DATAFLOW_API_ENABLED=1", "`page.metrics`", "127.0.0.1:3030"])
def test_without_metrics_it_says_how_to_get_them(word: str) -> None:
    assert word in how_to_see_metrics(load())
