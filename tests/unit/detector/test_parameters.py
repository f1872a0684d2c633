"""The parameters of a detector."""

from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError, fields, replace
from typing import Any

import pytest

from config.settings import DEFAULT_FILE, DetectorSettings, load
from dataflows.detector import Parameters
from dataflows.detector.terms import NAMES
from dataflows.score.models import parameters_of

OF_THE_APPLICATION = {"kind", "river", "shards"}
"""Settings that decide which detectors there are, not what one of them does."""


def test_the_defaults_are_those_of_the_shipped_settings() -> None:
    assert Parameters() == parameters_of(load(DEFAULT_FILE).detector)


def test_every_setting_of_a_detector_is_a_parameter() -> None:
    names = {field.name for field in fields(Parameters)}
    assert names == set(DetectorSettings.model_fields) - OF_THE_APPLICATION


def test_every_term_has_a_weight() -> None:
    assert tuple(Parameters().terms) == NAMES


def test_parameters_are_values() -> None:
    one = Parameters(ridge=0.1)
    assert one == pickle.loads(pickle.dumps(one)) != Parameters()  # noqa: S301
    assert hash(one) == hash(Parameters(ridge=0.1))
    with pytest.raises(FrozenInstanceError):
        one.ridge = 0.2  # type: ignore[misc]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"reconstructor": "quadratic"}, "reconstructor: expected linear or mlp, got 'quadratic'"),
        (
            {"terms": {"activity": 1.0}},
            "terms: expected a weight for each of .*, got activity",
        ),
        ({"terms": {}}, "got none"),
    ],
)
def test_names_are_checked(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(Parameters(), **wrong)
