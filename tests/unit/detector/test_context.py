"""Context signals: they explain the targets, and are never evidence themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from config.errors import SnapshotError
from dataflows.detector import Detector, Parameters, Scores, Signals
from dataflows.detector.linear import LinearReconstructor
from dataflows.detector.mlp import MlpReconstructor

NAMES = ("outside", "coolant", "speed", "rpm")
CONTEXT = Signals(NAMES, context=("outside",))
TARGETS = [1, 2, 3]
ROWS = 2000
reconstructors = pytest.mark.parametrize("reconstructor", ["linear", "mlp"])


def quick_parameters(**changes: Any) -> Parameters:
    quick: dict[str, Any] = {"start_up": 50, "window": 5, "learn_every": 64, "percentile": 99.0}
    return Parameters(**quick | changes)


def only_term(name: str) -> dict[str, Any]:
    return {"terms": dict.fromkeys(quick_parameters().terms, 0.0) | {name: 1.0}}


def drive(rows: int = ROWS) -> np.ndarray:
    """The coolant follows the temperature outside, the engine speed that of the vehicle."""
    random = np.random.default_rng(0)
    outside = 15 + 5 * np.sin(np.arange(rows) / 40) + 0.3 * random.normal(size=rows)
    coolant = 80 + 0.5 * outside + 0.3 * random.normal(size=rows)
    speed = 60 + 15 * np.sin(np.arange(rows) / 25) + random.normal(size=rows)
    rpm = 30 * speed + 20 * random.normal(size=rows)
    return np.stack([outside, coolant, speed, rpm], axis=1)


def scored(values: np.ndarray, signals: Signals | tuple[str, ...] = CONTEXT, **changes: Any) -> Scores:
    times = np.arange(len(values), dtype=np.int64) * 1_000_000
    return Detector(quick_parameters(**changes), signals).process(["car"] * len(values), times, values)


@reconstructors
def test_no_error_is_due_to_a_context_signal(reconstructor: str) -> None:
    values = drive()
    values[1500:, 0] += 60.0
    scores = scored(values, reconstructor=reconstructor)
    assert (scores.contributions[:, 0] == 0.0).all()
    assert scored(values, NAMES, reconstructor=reconstructor).contributions[1500:1510, 0].max() > 0.3
    total = scores.contributions.sum(axis=1)
    assert (np.isclose(total, 1.0) | (total == 0.0)).all()


def test_a_context_signal_without_relations_that_misbehaves_raises_no_error_in_any_term() -> None:
    values, random = drive(), np.random.default_rng(1)
    values[:, 0] = random.normal(size=ROWS)
    usual = scored(values).error
    faults = {
        "far off": values[1500:, 0] + 20.0,
        "stuck": np.full(500, values[1499, 0]),
        "noisy": values[1500:, 0] * 30.0,
    }
    for name, fault in faults.items():
        spoilt = values.copy()
        spoilt[1500:, 0] = fault
        blamed, believed = scored(spoilt, NAMES), scored(spoilt)
        assert blamed.anomaly[1500:1600].mean() > 0.5 or name == "stuck"
        assert blamed.contributions[1510:1600, 0].max() > 0.5
        assert believed.anomaly[1500:1600].mean() < 0.1, name
        np.testing.assert_array_equal(believed.error[:1500], usual[:1500])


@reconstructors
def test_a_context_signal_changes_what_is_expected_of_a_target(reconstructor: str) -> None:
    values = drive()
    warmer = values.copy()
    warmer[1500, 0] += 4.0
    before, after = (scored(each, reconstructor=reconstructor).expected[1500] for each in (values, warmer))
    # Half a degree of the coolant for each outside; nothing for what has no relation with it.
    assert after[1] - before[1] == pytest.approx(2.0, abs=0.6)
    np.testing.assert_allclose(after[2:], before[2:], rtol=0.05)


def test_a_context_signal_explains_what_would_be_an_anomaly_without_it() -> None:
    values = drive()
    values[1500:1510, 1] += 5.0
    explained = values.copy()
    explained[1500:1510, 0] += 10.0
    only = only_term("reconstruction")
    assert scored(values, **only).anomaly[1500:1510].all()
    assert not scored(explained, **only).anomaly[1500:1510].any()


def test_a_term_that_is_a_mean_is_one_over_the_targets() -> None:
    values = drive()
    values[1600:1700, 3] = values[1599, 3]
    only = only_term("flat_line")
    more = np.concatenate([np.random.default_rng(2).normal(size=(ROWS, 5)), values[:, TARGETS]], axis=1)
    names = tuple("abcde")
    signals = Signals((*names, *NAMES[1:]), context=names)
    np.testing.assert_allclose(
        scored(more, signals, **only).error, scored(values[:, TARGETS], NAMES[1:], **only).error
    )


def scores_with_two_at_fault() -> np.ndarray:
    """Signals 0 to 2 are one, and so are 3 to 5; 0 is far off."""
    rows = np.repeat(np.random.default_rng(3).normal(size=(2000, 2)), 3, axis=1)
    rows += 0.1 * np.random.default_rng(4).normal(size=rows.shape)
    rows[-1, 0] += 9.0
    return rows


@reconstructors
def test_a_context_signal_is_believed_however_unlikely_it_is(reconstructor: str) -> None:
    rows = scores_with_two_at_fault()
    made: LinearReconstructor | MlpReconstructor
    if reconstructor == "linear":
        made = LinearReconstructor(6, ridge=0.001, memory=1e9)
    else:
        made = MlpReconstructor(6, hidden=8, learning_rate=0.01, steps=4, memory=1e9)
    for block in np.array_split(rows[:-1], 100):
        made.learn(block, np.ones_like(block))
    last, seen, fallible = rows[-1:], np.ones((1, 6), bool), np.ones(6, bool)
    blamed, residuals = made.reconstruct(last, seen, fallible)
    fallible[0] = False
    believed, same = made.reconstruct(last, seen, fallible)
    assert residuals.tobytes() == same.tobytes()
    assert abs(blamed[0, 1] - last[0, 1]) < 1.0 < believed[0, 1] - last[0, 1]


def test_a_missing_context_signal_makes_an_event_partial() -> None:
    values = drive()
    values[1500:, 0] = np.nan
    plain, with_context = scored(values, NAMES), scored(values)
    assert plain.status.tobytes() == with_context.status.tobytes()
    assert len(np.unique(plain.status)) == 3


def test_another_role_does_not_fit_the_snapshot() -> None:
    state = Detector(quick_parameters(), CONTEXT).snapshot()
    Detector.restore(quick_parameters(), CONTEXT, state)
    with pytest.raises(
        SnapshotError, match=r"expected a snapshot with context = \(\), got \('outside',\): .* other settings"
    ):
        Detector.restore(quick_parameters(), NAMES, state)


def test_signals_that_contradict_each_other_are_rejected() -> None:
    with pytest.raises(ValueError, match=r"expected names of signals \(a, b\), got c"):
        Signals(("a", "b"), context=("c",))
    with pytest.raises(ValueError, match="expected at least one signal that is not context"):
        Signals(("a", "b"), context=("a", "b"))
