"""Messages with an array per signal: which samples become which events."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.decode import Decoded
from tests.support.decoding import decoder, messages

NAN = float("nan")


def decoded(message: Any, **payload: Any) -> Decoded:
    subject = decoder(layout="series", time_format="epoch_s", **payload)
    return subject.decode(messages(json.dumps(message).encode()))


samples = st.dictionaries(st.integers(0, 50), st.integers(-9, 9), max_size=8)


@given(speed=samples, rpm=samples, as_pairs=st.booleans())
def test_samples_of_one_time_are_one_event_and_events_are_in_the_order_of_time(
    speed: dict[int, int], rpm: dict[int, int], as_pairs: bool
) -> None:
    def series(values: dict[int, int]) -> list[Any]:
        return [[t, v] if as_pairs else {"ts": t, "value": v} for t, v in values.items()]

    telemetry = decoded({"vehicle_id": "a", "speed": series(speed), "rpm": series(rpm)}).telemetry
    times = sorted({*speed, *rpm})
    assert telemetry.timestamps.tolist() == [time * 1_000_000 for time in times]
    assert telemetry.vehicle_ids == ["a"] * len(times)
    expected = [[speed.get(time, NAN), rpm.get(time, NAN)] for time in times]
    np.testing.assert_array_equal(telemetry.values, np.reshape(expected, (-1, 2)))


def test_times_that_are_written_differently_are_one_time() -> None:
    message = {"vehicle_id": "a", "speed": [["1785000000", 1]], "rpm": [[1785000000.0, 2]]}
    assert decoded(message).telemetry.values.tolist() == [[1.0, 2.0]]


def test_a_series_can_be_an_object_of_values_by_time() -> None:
    message = {"vehicle_id": "a", "speed": {"1785000001": 1, "1785000000": 0}}
    telemetry = decoded(message, time="key").telemetry
    np.testing.assert_array_equal(telemetry.values, [[0.0, NAN], [1.0, NAN]])


def test_time_and_value_are_where_the_settings_say_or_have_their_usual_names() -> None:
    own = {"vehicle_id": "a", "speed": [{"at": {"s": 5}, "v": 1}]}
    usual = {"vehicle_id": "a", "speed": [{"time": 5, "value": 1}]}
    for telemetry in (
        decoded(own, time="/at/s", value="/v").telemetry,
        decoded(usual).telemetry,
        decoded(usual, time=None).telemetry,
    ):
        assert telemetry.timestamps.tolist() == [5_000_000]
        assert telemetry.values[0, 0] == 1.0


def test_a_sample_without_a_time_is_a_dead_letter_and_the_others_are_events() -> None:
    result = decoded(
        {"vehicle_id": "a", "speed": [{"value": 1}, {"ts": 5, "value": 2}, {"ts": "x", "value": 3}]}
    )
    assert result.bad.tolist() == [False, True, True]
    assert result.telemetry.values[:, 0].tolist() == [2.0]


def test_what_is_no_sample_is_counted_and_does_not_cost_the_others() -> None:
    result = decoded({"vehicle_id": "a", "speed": [[1, 5], None, [2, 6], 7]})
    assert result.telemetry.values[:, 0].tolist() == [5.0, 6.0]
    assert result.bad_values["speed"].count == 1


@pytest.mark.parametrize("series", [5, "x", {"a": 1}, [5], [[]]])
def test_what_is_no_series_is_a_bad_value_of_its_signal(series: Any) -> None:
    result = decoded({"vehicle_id": "a", "speed": series, "rpm": [[5, 2]]})
    assert not result.dead_letters
    np.testing.assert_array_equal(result.telemetry.values, [[NAN, 2.0]])
    assert result.bad_values["speed"].count == 1
    assert "as the series of 'speed' at /speed" in result.bad_values["speed"].example


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"vehicle_id": "a", "x": []}, "expected a series at one or more of /speed, /rpm, got none"),
        ({"vehicle_id": "a", "speed": 5}, "expected an array of samples, got the number 5, as the series of"),
        ([], "expected a JSON object of series, got an array"),
    ],
)
def test_a_message_without_any_series_is_a_dead_letter(message: Any, reason: str) -> None:
    (letter,) = decoded(message).dead_letters
    assert letter.reason.startswith(reason)


def test_records_can_hold_series() -> None:
    message = {
        "vehicle_id": "a",
        "all": [{"speed": [[1, 1]]}, {"vehicle_id": "b", "speed": [[1, 2], [2, 3]]}],
    }
    telemetry = decoded(message, records="/all").telemetry
    assert telemetry.vehicle_ids == ["a", "b", "b"]
    assert telemetry.values[:, 0].tolist() == [1.0, 2.0, 3.0]
