"""River's detectors in place of our model."""

from __future__ import annotations

import os
import pickle
from typing import Any

import numpy as np
import pytest
import river.datasets
from river import anomaly, preprocessing

from config.errors import SettingsError, SnapshotError
from config.settings import DetectorSettings, load
from dataflows.detector import Detector, Signals
from dataflows.score.models import make_model, parameters_of
from dataflows.score.river.adapter import COUNTS, MOMENTS, RiverModel
from dataflows.score.river.pickles import VERSION

SIGNALS = Signals(("a", "b"))
KIND = "river.anomaly.HalfSpaceTrees"
PARAMETERS: dict[str, Any] = {"n_trees": 3, "height": 4, "window_size": 20, "seed": 3}


def detector_settings() -> DetectorSettings:
    return load().detector.model_copy(update={"kind": KIND, "river": PARAMETERS, "learn_every": 1})


def detector() -> Detector:
    settings = detector_settings()
    return Detector(parameters_of(settings), SIGNALS, make_model(settings, SIGNALS))


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
    assert np.corrcoef(np.log(errors[late]), np.array(own)[late])[0, 1] > 0.9


def test_each_vehicle_has_its_own_detector() -> None:
    random = np.random.default_rng(1)
    alone, together = detector(), detector()
    values = random.normal(size=(100, 2))
    times = np.arange(100, dtype=np.int64) * 1_000_000
    alone.process(["car"] * 100, times, values)
    mixed = np.repeat(values, 2, axis=0)
    mixed[1::2] = 1e6
    together.process(["car", "odd"] * 100, np.repeat(times, 2), mixed)
    one, other = (made._model.snapshot(1) for made in (alone, together))
    assert one["objects"] == other["objects"]
    assert [one[name] for name in COUNTS + MOMENTS] == [other[name] for name in COUNTS + MOMENTS]


def test_half_space_trees_flag_few_normal_events_with_default_settings() -> None:
    settings = load().detector.model_copy(update={"kind": KIND, "percentile": 99.0})
    made = Detector(parameters_of(settings), SIGNALS, make_model(settings, SIGNALS))
    values = np.random.default_rng(3).normal(size=(4_000, 2))
    times = np.arange(4_000, dtype=np.int64) * 1_000_000
    flagged = made.process(["car"] * 4_000, times, values).anomaly
    assert 0 < flagged.sum() <= 0.03 * 4_000


def test_without_a_seed_the_same_stream_gives_the_same_scores() -> None:
    settings = load().detector.model_copy(update={"kind": KIND, "river": {"window_size": 30}})
    values = np.random.default_rng(4).normal(size=(300, 2))
    times = np.arange(300, dtype=np.int64) * 1_000_000

    def errors() -> np.ndarray:
        made = Detector(parameters_of(settings), SIGNALS, make_model(settings, SIGNALS))
        return made.process(["car"] * 300, times, values).error

    assert np.array_equal(errors(), errors())


def test_a_first_event_with_a_signal_missing_does_not_blind_the_detector_to_it() -> None:
    values = np.random.default_rng(5).normal(size=(500, 2))
    values[0, 1] = np.nan
    values[450:, 1] = 40.0
    times = np.arange(500, dtype=np.int64) * 1_000_000
    errors = detector().process(["car"] * 500, times, values).error
    assert errors[450:455].mean() > errors[400:450].mean()


@pytest.mark.parametrize(
    ("kind", "parameters", "message"),
    [
        (
            "river.anomaly.Nope",
            {},
            "detector.kind: expected one of reconstruction, river.anomaly.HalfSpaceTrees",
        ),
        ("river.anomaly.QuantileFilter", {}, "detector.kind: expected"),
        (KIND, {"trees": 5}, "detector.river.trees: .* takes no such parameter, expected one of n_trees"),
        (KIND, {"n_trees": "many"}, "detector.river: river.anomaly.HalfSpaceTrees does not work with"),
    ],
)
def test_wrong_names_and_parameters_are_reported_in_one_sentence(
    kind: str, parameters: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        RiverModel(kind, parameters, 2, memory=1000.0)


def test_a_snapshot_of_another_kind_of_detector_is_refused() -> None:
    ours = parameters_of(detector_settings())
    with pytest.raises(SnapshotError, match=f"kind = reconstruction, got {KIND}"):
        Detector.restore(ours, ["a", "b"], detector().snapshot())
    with pytest.raises(SnapshotError, match=f"kind = {KIND}, got reconstruction"):
        Detector.restore(ours, ["a", "b"], Detector(ours, ["a", "b"]).snapshot(), model())


def model() -> RiverModel:
    return RiverModel(KIND, PARAMETERS, 2, memory=1000.0)


def learned() -> dict[str, Any]:
    """State of a detector that has learned from one vehicle."""
    made = detector()
    values = np.random.default_rng(6).normal(size=(60, 2))
    made.process(["car"] * 60, np.arange(60, dtype=np.int64) * 1_000_000, values)
    return made.snapshot()


def test_state_is_columns_of_numbers_and_bytes_with_what_wrote_it() -> None:
    state = learned()["parts"]["model"]
    assert state["layout_version"] == 1
    assert state["river_version"] == VERSION
    assert state["parameters"] == PARAMETERS
    assert state["learned"].tolist() == [60]
    assert {type(value) for value in state.values()} == {int, str, dict, np.ndarray, list}
    assert [type(objects) for objects in state["objects"]] == [bytes]


@pytest.mark.parametrize(
    ("name", "written", "here"),
    [
        ("layout_version", 0, "1"),
        ("river_version", "0.1.0", VERSION),
        ("parameters", PARAMETERS | {"n_trees": 5}, "'n_trees': 3"),
    ],
)
def test_state_of_another_river_or_other_parameters_is_refused_in_one_line(
    name: str, written: Any, here: str
) -> None:
    state = learned()["parts"]["model"] | {name: written}
    with pytest.raises(SnapshotError) as raised:
        model().restore(state)
    said = str(raised.value)
    assert said.startswith(f"expected a snapshot of {KIND} with {name} = ")
    assert here in said
    assert f"got {written}: " in said
    assert said.endswith("restore those, or start with an empty recovery directory")


@pytest.mark.parametrize(
    ("foreign", "name"),
    [
        (os.mkdir, "posix.mkdir"),
        (river.datasets.Phishing, "river.datasets.phishing.Phishing"),
        (model, f"{__name__}.model"),
    ],
)
def test_objects_that_rivers_detectors_do_not_consist_of_are_refused(foreign: Any, name: str) -> None:
    state = learned()
    state["parts"]["model"]["objects"] = [pickle.dumps((foreign, foreign))]
    resumed = Detector.restore(parameters_of(detector_settings()), ["a", "b"], state, model())
    with pytest.raises(SnapshotError, match=f"got {name}$"):
        resumed.process(["car"], np.array([60_000_000]), np.ones((1, 2)))


def test_missing_signals_are_left_out() -> None:
    values = np.random.default_rng(2).normal(size=(60, 2))
    values[10:, 1] = np.nan
    times = np.arange(60, dtype=np.int64) * 100_000_000
    assert np.isfinite(detector().process(["car"] * 60, times, values).error).all()
