"""The detector without one of its terms or mechanisms."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest

from benchmarks import poisoning, poisoning_figures
from benchmarks.ablations import ABLATIONS, EXPLANATION, MECHANISMS, TERMS, Build, named
from benchmarks.candidates import promised
from config.errors import SettingsError
from dataflows.detector import Detector, Parameters, Scores, terms

VEHICLES, ROWS, SIGNALS = 3, 900, 4
NAMES = [f"signal-{number}" for number in range(SIGNALS)]
SECOND = 1_000_000

SHIFTED, OFFSET = 1, slice(600, 750)
"""Vehicle and rows with one signal far off: longer than a short run, shorter than `accept_after`."""


@dataclass(frozen=True)
class Fleet:
    """Events of all vehicles, row by row."""

    vehicles: list[str]
    times: np.ndarray
    values: np.ndarray

    def scored(self, detector: Detector) -> Scores:
        return detector.process(self.vehicles, self.times, self.values)


@cache
def fleet() -> Fleet:
    """Signals that depend on each other and wander, with missing values, spikes and a lasting offset."""
    random = np.random.default_rng(0)
    drive = np.cumsum(random.normal(size=(ROWS, VEHICLES, 2)), axis=0)
    values = drive @ random.normal(size=(2, SIGNALS)) + 0.5 * random.normal(size=(ROWS, VEHICLES, SIGNALS))
    values[random.random((ROWS, VEHICLES)) < 0.02, 2] += 8.0
    values[400:480, 0, 3] = values[400, 0, 3]
    values[OFFSET, SHIFTED, 0] += 60.0
    values[random.random(values.shape) < 0.02] = np.nan
    times = np.repeat(np.arange(ROWS, dtype=np.int64) * SECOND, VEHICLES)
    ids = [f"vehicle-{number}" for number in range(VEHICLES)] * ROWS
    return Fleet(ids, times, values.reshape(-1, SIGNALS))


@cache
def scores_of(build: Build) -> Scores:
    return fleet().scored(build(Parameters(), NAMES))


def shifted(scores: Scores) -> np.ndarray:
    return scores.anomaly.reshape(ROWS, VEHICLES)[OFFSET, SHIFTED]


def test_there_is_one_for_every_term_and_mechanism() -> None:
    assert list(TERMS) == [name.replace("_", "-") for name in terms.NAMES]
    assert list(ABLATIONS) == [*TERMS, *MECHANISMS]
    assert [line.split()[0] for line in EXPLANATION.splitlines() if line[2:3].strip()] == [*MECHANISMS]


@pytest.mark.parametrize("name", ABLATIONS)
def test_each_one_changes_the_output(name: str) -> None:
    usual, without = scores_of(Detector), scores_of(ABLATIONS[name])
    assert np.isfinite(without.error).all()
    assert not (
        np.array_equal(usual.error, without.error)
        and np.array_equal(usual.threshold, without.threshold, equal_nan=True)
    )


@pytest.mark.parametrize("name", ABLATIONS)
def test_no_two_are_the_same(name: str) -> None:
    without = scores_of(ABLATIONS[name])
    for other, build in ABLATIONS.items():
        same = np.array_equal(without.threshold, scores_of(build).threshold, equal_nan=True)
        assert same == (other == name)


@pytest.mark.parametrize("name", ABLATIONS)
def test_a_copy_goes_on_like_the_original(name: str) -> None:
    """Without it, a benchmark that tests copies would test the whole detector."""
    one = fleet()
    half = len(one.times) // 2
    detector = ABLATIONS[name](Parameters(), NAMES)
    detector.process(one.vehicles[:half], one.times[:half], one.values[:half])
    rest = deepcopy(detector).process(one.vehicles[half:], one.times[half:], one.values[half:])
    np.testing.assert_array_equal(rest.error, scores_of(ABLATIONS[name]).error[half:])


def test_our_detector_is_as_ever_after_all_of_them() -> None:
    for name in ABLATIONS:
        scores_of(ABLATIONS[name])
    again = fleet().scored(Detector(Parameters(), NAMES))
    np.testing.assert_array_equal(again.error, scores_of(Detector).error)


def test_without_protection_an_offset_is_soon_normal() -> None:
    assert shifted(scores_of(ABLATIONS["protection"])).sum() < shifted(scores_of(Detector)).sum()


def test_without_short_runs_an_offset_is_flagged_until_it_has_lasted() -> None:
    assert shifted(scores_of(Detector)).mean() < 0.5
    assert shifted(scores_of(ABLATIONS["short-runs"])).mean() > 0.9


def test_without_held_values_a_missing_signal_is_not_observed() -> None:
    missing = np.isnan(fleet().values).any(axis=1)
    assert (scores_of(Detector).status == 3)[missing].mean() < 0.1
    assert (scores_of(ABLATIONS["held-values"]).status == 3)[missing].all()


def test_without_short_blocks_a_block_may_be_as_long_as_all_before_it() -> None:
    assert scores_of(ABLATIONS["short-blocks"]).model_version[-1] < scores_of(Detector).model_version[-1]


def test_the_promise_is_that_of_the_percentile_or_of_the_alarms_per_day() -> None:
    assert promised(Parameters(percentile=99.0)) == 0.01
    assert promised(Parameters(false_alarms_per_day=86.4)) == 0.001


def test_an_unknown_name_is_refused_with_those_that_are_known() -> None:
    assert list(named("activity,protection")) == ["activity", "protection"]
    assert named("") == {}
    with pytest.raises(SettingsError, match=r"expected some of reconstruction, .*, got 'luck'"):
        named("activity,luck")


def test_the_poisoning_benchmark_measures_each_of_those_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    measured = {}

    def measure(
        settings: object, fleets: object, name: str, build: Build, notes: object
    ) -> poisoning.Figures:
        measured[name] = build
        return poisoning.Figures([], [])

    monkeypatch.setattr(poisoning, "measure", measure)
    poisoning.main(["--seeds", "0", "--without", "activity,protection", "--json"])
    assert measured == {
        "ours": Detector,
        "ours-no-activity": ABLATIONS["activity"],
        "ours-no-protection": ABLATIONS["protection"],
    }
    assert '"ours-no-protection": {' in capsys.readouterr().out
    with pytest.raises(SystemExit):
        poisoning.main(["--without", "luck"])
    assert "--without: expected some of" in capsys.readouterr().err


def test_the_poisoning_benchmark_follows_the_stream_with_that_detector(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    built = []

    def follow(*arguments: object) -> None:
        built.append(arguments[-1])

    monkeypatch.setattr(poisoning_figures, "follow", follow)
    build = ABLATIONS["activity"]
    (trial,) = poisoning_figures.trials(None, [None], [[0]], build)  # type: ignore[arg-type, list-item]
    assert trial.build is build
    assert built == [build, build]
