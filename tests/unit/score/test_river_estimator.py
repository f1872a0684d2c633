"""Our detector among River's."""

from __future__ import annotations

import doctest
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from river import checks, compose, evaluate, metrics, preprocessing

from dataflows.detector import Detector, Parameters
from dataflows.detector.parameters import TERMS
from dataflows.score.river import estimator
from dataflows.score.river.estimator import ReconstructionDetector

Event = dict[Any, Any]


def labelled(rows: int = 1500) -> Iterator[tuple[Event, bool]]:
    """Three features that belong together, and short breaks between them."""
    random = np.random.default_rng(0)
    for row in range(rows):
        drive = float(random.normal())
        broken = row % 100 > 95
        noise = 0.1 * random.normal(size=2)
        yield {"a": drive, "b": 2 * drive + noise[0], "c": (5.0 if broken else -drive) + noise[1]}, broken


def test_the_example_of_the_documentation_runs() -> None:
    assert doctest.testmod(estimator).failed == 0
    assert doctest.testmod(estimator).attempted > 0


def test_its_defaults_are_those_of_the_detector() -> None:
    made = ReconstructionDetector()
    assert made._parameters == Parameters()
    for name, value in made._get_params().items():
        assert name == "terms" or value == getattr(Parameters(), name)


def test_every_parameter_of_one_stream_is_taken_and_kept_by_a_clone() -> None:
    of_a_fleet = {"vehicles", "prior", "threshold_prior", "false_alarms_per_day"}
    made = ReconstructionDetector()
    assert set(made._get_params()) == {field.name for field in fields(Parameters)} - of_a_fleet
    chosen: dict[str, Any] = {
        "terms": dict(TERMS) | {"restless": 1.5},
        "reconstructor": "mlp",
        "percentile": 50.0,
    }
    for name, value in made._get_params().items():
        changed: Any = chosen[name] if name in chosen else 2 * value
        clone = ReconstructionDetector(**{name: changed}).clone()
        assert getattr(clone, name) == getattr(clone._parameters, name) == changed
        assert clone.clone({name: value})._parameters == Parameters()


def test_a_clone_has_learned_nothing() -> None:
    made = ReconstructionDetector(window=5)
    for event, _ in labelled(100):
        made.learn_one(event)
    event = {"a": 0.0, "b": 0.0, "c": 5.0}
    assert made.score_one(event) > 0.0 == made.clone().score_one(event)


@pytest.mark.parametrize("wrong", [{"reconstructor": "quadratic"}, {"terms": {"z_energy": 1.0}}])
def test_a_wrong_name_is_refused_at_once(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(wrong))}: expected"):
        ReconstructionDetector(**wrong)


def test_its_scores_are_those_of_the_dataflow() -> None:
    events = [event for event, _ in labelled(300)]
    detector = Detector(Parameters(), ["a", "b", "c"])
    values = np.array([list(event.values()) for event in events])
    times = np.arange(len(events), dtype=np.int64) * 1_000_000
    expected = detector.process(["stream"] * len(events), times, values).error
    ours, scores = ReconstructionDetector(), []
    for event in events:
        scores.append(ours.score_one(event))
        ours.learn_one(event)
    np.testing.assert_array_equal(scores[1:], (expected / (1.0 + expected))[1:])


def test_scoring_changes_nothing() -> None:
    events = [event for event, _ in labelled(200)]
    asked, unasked = ReconstructionDetector(), ReconstructionDetector()
    for event in events:
        unasked.learn_one(event)
        asked.score_one({"a": 1e6, "b": 0.0, "c": 1.0})
        asked.learn_one(event)
    assert asked.score_one(events[-1]) == unasked.score_one(events[-1])


@pytest.mark.long
def test_it_finds_breaks_in_a_pipeline_by_rivers_own_measure() -> None:
    model = compose.Pipeline(preprocessing.StandardScaler(), ReconstructionDetector())
    auc = evaluate.progressive_val_score(labelled(), model, metrics.ROCAUC(n_thresholds=100))
    assert auc.get() > 0.9


def test_a_feature_that_is_new_restarts_the_model() -> None:
    model = ReconstructionDetector()
    for event, _ in labelled(200):
        model.learn_one(event)
    model.learn_one({"a": 1.0, "b": 2.0, "c": -1.0, "d": 5.0})
    assert np.isfinite(model.score_one({"a": 1.0, "b": 2.0, "c": -1.0, "d": 5.0}))


# River's own checks run on a data set that it downloads; ours has labels, too.
def _checks(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    monkeypatch.setattr(checks, "_yield_datasets", lambda model, scale=1: [list(labelled(150 * scale))])
    return list(checks.yield_checks(ReconstructionDetector()))


@pytest.mark.long
def test_it_passes_rivers_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    every = _checks(monkeypatch)
    assert len(every) > 20
    for check in every:
        check(ReconstructionDetector())
