"""The markers of the benchmark of the page: alerts that a browser times."""

from __future__ import annotations

import re

import msgspec
import numpy as np

from benchmarks.page.markers import SUBJECTS, MarkerTimes, message_of, text_of
from dataflows.events import Alert

RUN = "0a1b2c"


def test_a_marker_is_an_alert_with_its_text_in_the_summary() -> None:
    topic, payload = message_of(RUN, 7)
    alert = msgspec.json.decode(payload, type=Alert)
    assert topic == f"{alert.vehicle_id}/{alert.kind}/{alert.subject}"
    assert text_of(RUN, 7) in alert.summary.split()
    assert (alert.state, alert.severity) == ("open", "critical")


def test_the_text_of_a_marker_holds_nothing_that_formatting_changes() -> None:
    assert re.fullmatch("[A-Za-z0-9]+", text_of(RUN, 12))
    assert text_of(RUN, 1) != text_of("ffffff", 1)


def test_as_many_markers_are_open_as_there_are_subjects() -> None:
    alerts = [
        msgspec.json.decode(message_of(RUN, number)[1], type=Alert) for number in range(len(SUBJECTS) + 1)
    ]
    assert len({alert.alert_id for alert in alerts}) == len(alerts)
    assert alerts[0].subject == alerts[-1].subject, "it takes the place of the oldest"


def test_of_a_marker_that_several_frames_saw_the_first_sight_counts() -> None:
    frames = [{"came": {"0": 1_100}, "shown": {"0": 1_400}}, {"came": {}, "shown": {"0": 1_300}}]
    times = MarkerTimes.of([1_000.0], frames)
    assert times.until_shown.tolist() == [300.0]
    assert times.refreshes.tolist() == [200.0]


def test_a_marker_that_never_shows_is_infinitely_late_and_is_no_refresh() -> None:
    times = MarkerTimes.of([1_000.0, 2_000.0], [{"came": {"0": 1_010, "1": 2_010}, "shown": {"0": 1_050}}])
    assert times.until_shown.tolist() == [50.0, np.inf]
    assert times.refreshes.tolist() == [40.0]


def test_a_marker_whose_message_was_not_recognised_is_shown_and_is_no_refresh() -> None:
    times = MarkerTimes.of([1_000.0], [{"came": {}, "shown": {"0": 1_250}}])
    assert times.until_shown.tolist() == [250.0]
    assert times.refreshes.tolist() == []
