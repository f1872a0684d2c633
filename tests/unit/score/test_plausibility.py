"""Values outside their plausible range."""

from __future__ import annotations

import numpy as np

from config.settings import DEFAULT_FILE, Settings, SignalSettings, load
from dataflows.decode.batch import TelemetryBatch
from dataflows.score.plausibility import PlausibleRanges
from dataflows.score.scorer import ShardScorer
from tests.support.telemetry import quick

RANGES = PlausibleRanges(
    [
        SignalSettings(pointer="/speed", min=0.0, max=250.0),
        SignalSettings(pointer="/fuel", min=0.0),
        SignalSettings(pointer="/heat", max=150.0),
        SignalSettings(pointer="/any"),
    ]
)


def test_the_bounds_themselves_are_plausible_and_a_missing_bound_is_none() -> None:
    values = np.array([[0.0, 0.0, 150.0, -1e300], [250.0, 1e300, -1e300, 1e300], [-0.1, -0.1, 150.1, 0.0]])
    outside = RANGES.outside(values)
    assert outside is not None
    assert outside.tolist() == [[False] * 4, [False] * 4, [True, True, True, False]]


def test_missing_values_are_not_implausible() -> None:
    assert RANGES.outside(np.full((3, 4), np.nan)) is None


def test_there_is_no_mask_where_nothing_is_implausible() -> None:
    assert RANGES.outside(np.ones((3, 4))) is None
    assert RANGES.outside(np.empty((0, 4))) is None
    assert PlausibleRanges([SignalSettings(pointer="/any")]).outside(np.full((1, 1), 1e300)) is None


def test_a_scored_batch_says_which_values_are_implausible_without_its_duplicates() -> None:
    settings: Settings = quick(load(DEFAULT_FILE))
    times = np.array([0, 1, 1, 2], np.int64) * 1_000_000
    values = np.array([[60.0, 1.0, 48.0], [60.0, 1.0, 48.0], [300.0, 1.0, 48.0], [-1.0, 1.0, 48.0]])
    batch = TelemetryBatch(list("abcd"), ["VEH-1"] * 4, times, values, [b"{}"] * 4, np.array([0, 1, 1, 2]))
    scored = ShardScorer(settings).score(batch)
    assert scored.rows.tolist() == [0, 1, 3]
    assert scored.implausible is not None
    assert scored.implausible.tolist() == [[False] * 3, [False] * 3, [True, False, False]]
