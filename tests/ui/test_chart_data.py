"""The data frames behind the charts."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from config.settings import load
from tests.support.enriched_events import enriched
from ui.descriptions import leading_signals, ranked_shares
from ui.vehicle import chart_data, charts

CATALOGUE = load().signals
SIGNALS = load().scored_signals


@given(st.integers(0, 900), st.sets(st.integers(0, 899), max_size=20))
def test_thinning_keeps_every_anomaly_and_both_ends(length: int, bad: set[int]) -> None:
    history = [enriched("VEH-1", number, error=9.0 if number in bad else 0.5) for number in range(length)]
    kept = chart_data.thinned(history)
    assert [event for event in history if event.is_anomaly] == [event for event in kept if event.is_anomaly]
    assert kept[:1] == history[:1]
    assert kept[-1:] == history[-1:]
    assert len(kept) <= chart_data.MAX_POINTS + len(bad) + 2


def test_an_event_that_was_kept_stays_kept_when_another_one_arrives() -> None:
    history = [enriched("VEH-1", number) for number in range(601)]
    before = {event.event_id for event in chart_data.thinned(history[:-1])}
    after = {event.event_id for event in chart_data.thinned(history)}
    # Except for the last event, which is always shown.
    assert before - after <= {"VEH-1/599"}


def test_a_signal_has_its_actual_and_expected_values_and_marks_what_was_wrong() -> None:
    events = [
        enriched("VEH-1", 0),
        enriched("VEH-1", 1, error=5.0, measured={"rpm": 12_000.0}, implausible=("rpm",)),
        enriched("VEH-1", 2, measured={"rpm": None}),
    ]
    frame = chart_data.signal_frames(events, SIGNALS)["rpm"]
    assert frame["actual"].tolist()[:2] == [2_400.0, 12_000.0]
    assert math.isnan(frame["actual"].tolist()[2])
    assert frame["expected"].tolist() == [2_400.0] * 3
    assert frame["lowest"].tolist() == [1_800.0] * 3
    assert frame["highest"].tolist() == [3_000.0] * 3
    assert frame["anomaly"].tolist() == [False, True, False]
    assert frame["implausible"].tolist() == [False, True, False]
    assert (frame["until"] > frame["time"]).all()


def test_there_is_no_band_while_it_is_unknown_and_in_events_of_an_older_version() -> None:
    events = [enriched("VEH-1", 0, band={"rpm": None}), enriched("VEH-1", 1, band={})]
    frame = chart_data.signal_frames(events, SIGNALS)["rpm"]
    assert frame["expected"].tolist() == [2_400.0] * 2
    assert frame[["lowest", "highest"]].isna().all(axis=None)


def test_the_span_of_an_anomaly_does_not_reach_across_a_gap() -> None:
    events = [enriched("VEH-1", 0, error=5.0), enriched("VEH-1", 3_600)]
    frame = chart_data.signal_frames(events, SIGNALS)["speed"]
    assert (frame["until"] - frame["time"]).iloc[0].total_seconds() <= 30.0


def test_there_is_no_threshold_while_warming_up() -> None:
    frame = chart_data.error_frame([enriched("VEH-1", threshold=None), enriched("VEH-1", 1)])
    assert math.isnan(frame["threshold"].tolist()[0])
    assert frame["threshold"].tolist()[1] == 1.0


def test_contributions_start_with_the_largest() -> None:
    event = enriched("VEH-1", error=5.0, contributions={"speed": 0.2, "rpm": 0.7, "fuel": 0.1})
    shares, leading = ranked_shares(event, CATALOGUE), leading_signals(event, CATALOGUE)
    frame = chart_data.contribution_frame(shares, leading)
    assert frame["signal"].tolist() == ["rpm", "speed", "fuel"]
    assert frame["leading"].tolist() == [True, True, False]


def test_every_column_a_chart_draws_is_in_its_data() -> None:
    events = [enriched("VEH-1", 0), enriched("VEH-1", 1)]
    for chart, frame in (
        (charts.signal_chart(), chart_data.signal_frames(events, SIGNALS)["speed"]),
        (charts.error_chart(), chart_data.error_frame(events)),
        (charts.contribution_chart(), chart_data.contribution_frame(ranked_shares(events[0], CATALOGUE), ())),
    ):
        assert _fields(chart) <= set(frame.columns)
        assert _fields(chart)


def _fields(node: object) -> set[str]:
    if isinstance(node, dict):
        own = {node["field"]} if isinstance(node.get("field"), str) else set()
        tested = {node["test"].removeprefix("datum.")} if isinstance(node.get("test"), str) else set()
        return own | tested | {field for child in node.values() for field in _fields(child)}
    if isinstance(node, list):
        return {field for child in node for field in _fields(child)}
    return set()
