"""River's detectors in the place of our model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from river import anomaly, preprocessing

from config.errors import SettingsError
from config.settings import load
from dataflows.detector import Detector
from dataflows.models import model_maker
from dataflows.river_model import RiverModel

KIND = "river.anomaly.HalfSpaceTrees"
PARAMETERS: dict[str, Any] = {"n_trees": 3, "height": 4, "window_size": 20, "seed": 3}


def detector() -> Detector:
    settings = load().detector.model_copy(update={"kind": KIND, "river": PARAMETERS, "learn_every": 1})
    return Detector(settings, ["a", "b"], model_maker(settings, 2)())


def test_scores_rank_as_those_of_the_detector_itself() -> None:
    values = np.random.default_rng(0).normal(size=(200, 2))
    times = np.arange(200, dtype=np.int64) * 1_000_000
    errors = detector().process(["car"] * 200, times, values).error
    model: Any = preprocessing.MinMaxScaler() | anomaly.HalfSpaceTrees(**PARAMETERS)
    own = []
    for a, b in values.tolist():
        own.append(model.score_one({"0": a, "1": b}))
        model.learn_one({"0": a, "1": b})
    # The scale of the error moves with the mean of the scores, slowly: neighbours compare.
    late = slice(150, 200)
    assert np.corrcoef(np.log(errors[late]), np.array(own)[late])[0, 1] > 0.95


def test_each_vehicle_has_a_detector_of_its_own() -> None:
    random = np.random.default_rng(1)
    alone, together = detector(), detector()
    values = random.normal(size=(100, 2))
    times = np.arange(100, dtype=np.int64) * 1_000_000
    alone.process(["car"] * 100, times, values)
    mixed = np.repeat(values, 2, axis=0)
    mixed[1::2] = 1e6
    together.process(["car", "odd"] * 100, np.repeat(times, 2), mixed)
    own = [made._model.snapshot(1)["detectors"][0] for made in (alone, together)]
    event = {"0": 0.5, "1": -0.5}
    assert own[0].score_one(event) == own[1].score_one(event)


@pytest.mark.parametrize(
    ("kind", "parameters", "message"),
    [
        (
            "river.anomaly.Nope",
            {},
            "detector.kind: expected reconstruction or one of river.anomaly.HalfSpaceTrees",
        ),
        ("river.anomaly.QuantileFilter", {}, "detector.kind: expected"),
        (KIND, {"trees": 5}, "detector.river.trees: expected one of n_trees, height"),
    ],
)
def test_what_river_does_not_have_is_told_in_one_sentence(
    kind: str, parameters: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        RiverModel(kind, parameters, 2)


def test_missing_signals_are_left_out() -> None:
    values = np.random.default_rng(2).normal(size=(60, 2))
    values[10:, 1] = np.nan
    times = np.arange(60, dtype=np.int64) * 100_000_000
    assert np.isfinite(detector().process(["car"] * 60, times, values).error).all()
