"""Recordings in the shape of what fleets send: the right number of events, vehicles, times and values."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from config.settings import load
from dataflows.clock import SECOND, utc
from dataflows.decode import Decoded, Decoder
from tests.support.decoding import whole
from tests.support.paths import REPOSITORY

CASES = REPOSITORY / "tests" / "data" / "cases"


def decoded(case: str) -> Decoded:
    folder = CASES / case
    (recording,) = (path for path in folder.iterdir() if path.suffix == ".gz")
    result = Decoder.of(load(folder / "config.toml")).decode(whole(recording))
    assert not result.dead_letters
    assert not result.bad_values
    return result


@pytest.mark.parametrize(
    ("case", "vehicles"),
    [
        ("backtest_of_a_recording_of_lists", {"350000000000001": 300}),
        ("epoch_in_microseconds", {"A": 900}),
        ("numbers_and_times_as_strings", {"V7": 900}),
        ("records_inside_an_envelope", {"350000000000005": 900}),
        ("times_as_keys", {"tc": 900}),
        ("true_and_false_in_a_table", {"booleans": 900}),
        ("vehicle_in_the_middle_of_the_topic", {"van-0": 300, "van-1": 300, "van-2": 300}),
    ],
)
def test_every_event_is_read_with_its_vehicle_its_second_and_all_of_its_signals(
    case: str, vehicles: dict[str, int]
) -> None:
    telemetry = decoded(case).telemetry
    assert Counter(telemetry.vehicle_ids) == vehicles
    assert np.isfinite(telemetry.values).all()
    assert utc(int(telemetry.timestamps[0])).replace(microsecond=0).isoformat() == "2026-07-25T17:20:00+00:00"
    for vehicle in vehicles:
        times = telemetry.timestamps[np.array(telemetry.vehicle_ids) == vehicle]
        assert set(np.diff(times).tolist()) == {SECOND}


def test_a_topic_per_signal_gives_an_event_for_each_value_and_ignores_the_other_topics() -> None:
    result = decoded("one_topic_per_signal")
    telemetry = result.telemetry
    assert set(telemetry.vehicle_ids) == {"1"}
    assert np.isfinite(telemetry.values).sum(axis=0).tolist() == [450, 450, 450]
    assert np.isfinite(telemetry.values).sum(axis=1).tolist() == [1] * 1350
    assert result.ignored == dict.fromkeys(("shift_state", "geofence", "state", "plugged_in"), 23)


def test_numbers_in_texts_are_the_numbers_that_they_say() -> None:
    telemetry = decoded("numbers_and_times_as_strings").telemetry
    assert telemetry.values[:5].tolist() == [
        [0.0, 765.0, 18.0, 14.11],
        [0.0, 768.0, 19.0, 14.08],
        [0.0, 778.0, 19.0, 14.07],
        [0.0, 784.0, 19.0, 14.17],
        [6.0, 1265.0, 19.0, 13.98],
    ]


def test_true_and_false_in_a_table_are_one_and_zero() -> None:
    brake = decoded("true_and_false_in_a_table").telemetry.values[:, 2]
    assert set(brake.tolist()) == {0.0, 1.0}
