"""The band around what is expected: what it promises, and what it learns from."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dataflows.detector import Detector, Parameters, Scores, Signals
from dataflows.detector.band import KNOWN_AFTER, LARGEST_RATE, SMALLEST, Band
from dataflows.detector.circular import Turn
from dataflows.detector.reconstruction import ReconstructionModel

SIGNALS = ("speed", "load", "voltage")
DISTRIBUTIONS = ("normal", "laplace", "exponential", "uniform", "heavy", "whole")


def distances(random: np.random.Generator, rows: int) -> np.ndarray:
    """One column for each of `DISTRIBUTIONS`."""
    columns = (
        random.normal(size=rows),
        random.laplace(size=rows),
        random.exponential(size=rows),
        random.uniform(0, 1, rows),
        random.standard_t(3, rows),
        random.poisson(4.0, rows) + 0.01 * random.random(rows),
    )
    return np.abs(np.stack(columns, axis=1))


def followed(band: Band, sizes: np.ndarray) -> np.ndarray:
    """Teach rows one by one; which of them were outside when they came, shape (n, S)."""
    outside = np.empty(sizes.shape, np.bool_)
    for row, size in enumerate(sizes):
        outside[row] = size > band.radius
        band.learn(size[None], np.ones((1, len(size))))
    return outside


def drive(seed: int, rows: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    speed = np.zeros(rows)
    for row in range(1, rows):
        speed[row] = 0.98 * speed[row - 1] + random.normal()
    return np.stack((speed, -2 * speed + random.standard_t(5, rows), random.normal(5, 0.1, rows)), axis=1)


def scored(detector: Detector, values: np.ndarray, first: int = 0) -> Scores:
    times = np.arange(first, first + len(values), dtype=np.int64) * 1_000_000
    return detector.process(["car"] * len(values), times, values)


@given(
    seed=st.integers(0, 10_000),
    level=st.sampled_from([0.9, 0.98, 0.995]),
    drift=st.sampled_from([0.2, 1.0, 5.0]),
    jump=st.sampled_from([0.5, 1.0, 3.0]),
)
@settings(max_examples=12, deadline=None)
def test_the_share_outside_is_the_promised_one_for_any_distribution_that_drifts(
    seed: int, level: float, drift: float, jump: float
) -> None:
    rows, skipped = 16_000, 2_000
    sizes = distances(np.random.default_rng(seed), rows) * np.geomspace(1.0, drift, rows)[:, None]
    sizes[rows // 2 :] *= jump
    outside = followed(Band(len(DISTRIBUTIONS), level=level, memory=2_000.0), sizes)[skipped:]
    # What chance would make of a known quantile, and what it costs to follow the drift.
    chance = 4.0 * np.sqrt(level * (1.0 - level) / len(outside))
    assert np.abs(outside.mean(axis=0) - (1.0 - level)).max() < chance + 0.35 * (1.0 - level)


@given(
    sizes=arrays(np.float64, (400, 1), elements=st.floats(0.1, 1e6)),
    level=st.sampled_from([0.5, 0.9, 0.99]),
)
@settings(deadline=None)
def test_the_share_outside_is_bounded_by_the_range_of_the_radius_for_any_sequence(
    sizes: np.ndarray, level: float
) -> None:
    band = Band(1, level=level, memory=20.0)
    followed(band, np.ones((int(KNOWN_AFTER), 1)))
    before, outside = np.log(band.radius[0]), followed(band, sizes)
    rate = min(1.0 / ((1.0 - level) * band.memory), LARGEST_RATE)
    # At its lower limit a radius is wider than it would be, so then only too few can be outside.
    surplus = outside.mean() - (1.0 - level)
    moved = (np.log(band.radius[0]) - before) / (rate * len(sizes))
    assert surplus <= moved + 1e-9
    if band.radius[0] > 10 * SMALLEST and (sizes > 1.0).all():
        assert surplus == pytest.approx(moved, abs=1e-9)


def test_a_new_band_is_that_of_a_normal_distribution_and_unknown_at_first() -> None:
    band, deviation, unit = Band(2, level=0.995, memory=1e4), np.array([[2.0, 0.0]]), np.array([0.5, 0.5])
    assert band.radius == pytest.approx(2.807, abs=1e-3)
    assert np.isnan(band.half_widths(deviation, unit)).all()
    band.learn(np.full((int(KNOWN_AFTER), 2), 1.0), np.ones((int(KNOWN_AFTER), 2)))
    known, never_moved = band.half_widths(deviation, unit)[0]
    assert known == pytest.approx(band.radius[0])
    assert np.isnan(never_moved)


@pytest.mark.parametrize("level", [1e-12, 0.5, 1.0 - 1e-15])
def test_any_level_gives_a_finite_band(level: float) -> None:
    band = Band(1, level=level, memory=1e4)
    followed(band, np.random.default_rng(0).exponential(size=(3_000, 1)))
    assert SMALLEST <= band.radius[0] < 100.0


def test_what_has_no_weight_or_is_unknown_teaches_nothing() -> None:
    band = Band(2, level=0.99, memory=1e4)
    before = band.radius.copy()
    band.learn(np.array([[50.0, np.nan]] * 10), np.array([[0.0, 1.0]] * 10))
    assert band.radius.tolist() == before.tolist()
    assert not band.rows.any()


@pytest.mark.parametrize("reconstructor", ["linear", "mlp"])
def test_the_band_of_a_detector_holds_the_promised_share(reconstructor: str) -> None:
    parameters = Parameters(percentile=99.0, reconstructor=reconstructor)  # type: ignore[arg-type]
    values = drive(1, 20_000)
    scores = scored(Detector(parameters, SIGNALS), values)
    normal = ~scores.anomaly & np.isfinite(scores.band).all(axis=1)
    assert normal[4_000:].mean() > 0.9
    normal[:4_000] = False
    within = (np.abs(values - scores.expected) <= scores.band)[normal].mean(axis=0)
    assert np.abs(within - 0.99).max() < 0.004


def test_a_lasting_fault_does_not_widen_the_band_until_it_is_accepted() -> None:
    values = drive(2, 9_000)
    values[8_000:, 1] += 500.0
    parameters = Parameters(accept_after=600.0)
    model = ReconstructionModel(parameters, np.ones(3, np.bool_))
    detector = Detector(parameters, SIGNALS, model)
    scored(detector, values[:8_000])
    radius, rows = model.band.radius.copy(), model.band.rows.copy()
    fault = scored(detector, values[8_000:8_080], 8_000)
    assert fault.anomaly.all()
    assert fault.model_version[-1] - fault.model_version[0] >= 4, "blocks with rows of the fault were learned"
    # Rows of before the fault may have been waiting in the block.
    assert (model.band.rows - rows).max() < 16
    assert (model.band.radius <= 1.1 * radius).all()
    assert (fault.band[-1] <= 1.1 * fault.band[0]).all()
    scored(detector, values[8_080:], 8_080)
    assert (model.band.rows - rows).min() > 100, "learned once it was accepted"


def test_context_has_a_band_and_a_circular_signal_has_none() -> None:
    values = drive(3, 1_000)
    values[:, 2] = np.cumsum(values[:, 0]) % 360.0
    signals = Signals(SIGNALS, context=("load",), circular={"voltage": Turn(0.0, 360.0)})
    scores = scored(Detector(Parameters(), signals), values)
    assert np.isfinite(scores.band[500:, :2]).all()
    assert np.isnan(scores.band[:, 2]).all()
    assert np.isfinite(scores.expected).all()
