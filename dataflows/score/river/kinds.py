"""River's anomaly detectors by name, created and checked by the settings."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from river import anomaly, base, preprocessing

from config.errors import FleetError, SettingsError
from config.settings import RECONSTRUCTION
from dataflows.score.river import pickles

PREFIX = "river.anomaly."

WITHIN_ONE = ("HalfSpaceTrees",)
"""Detectors that expect signals within 0–1; all others get them with mean 0 and variance 1."""

SEED = 0
"""For randomised detectors without a seed in the settings: the same stream must give the same scores."""


@dataclass(frozen=True, slots=True)
class RiverKind:
    """One of River's detectors with its parameters, to be cloned for each vehicle.

    Attributes:
        name: ``river.anomaly.NAME``.
        parameters: those its constructor is given.
        scaler: a scaler that has learned nothing.
        detector: a detector that has learned nothing.
        neutral: scaled value that says nothing.
    """

    name: str
    parameters: dict[str, Any]
    scaler: Any
    detector: Any
    neutral: float

    @contextmanager
    def parameter_errors(self) -> Iterator[None]:
        """Turn whatever a detector itself raises into a `SettingsError`: only parameters can be at fault.

        River checks few parameters in constructors; most fail at first use, and some only when the first
        window is full.
        """
        try:
            yield
        except FleetError:
            raise
        except Exception as error:
            raise SettingsError(
                f"detector.river: {self.name} does not work with these parameters "
                f"({type(error).__name__}: {error}); correct [detector.river] or remove them"
            ) from error


def river_kinds() -> dict[str, type]:
    """Those of River's anomaly detectors that can be chosen, by ``river.anomaly.NAME``."""
    every = {PREFIX + name: getattr(anomaly, name) for name in sorted(anomaly.__all__)}
    return {name: detector for name, detector in every.items() if _is_self_contained(detector)}


def river_kind(kind: str, parameters: Mapping[str, Any]) -> RiverKind:
    """Find one of River's detectors, and try it on one event.

    Args:
        kind: ``river.anomaly.NAME``.
        parameters: for the detector's constructor.

    Raises:
        SettingsError: there is no such detector, it needs labels or another detector, or it does not take
            these parameters.
    """
    known = river_kinds()
    if kind not in known:
        names = ", ".join([RECONSTRUCTION, *known])
        raise SettingsError(f"detector.kind: expected one of {names}, got {kind!r}")
    accepted = list(inspect.signature(known[kind]).parameters)
    for parameter in parameters:
        if parameter not in accepted:
            raise SettingsError(
                f"detector.river.{parameter}: {kind} takes no such parameter, "
                f"expected one of {', '.join(accepted)}"
            )
    chosen = {"seed": SEED, **parameters} if "seed" in accepted else dict(parameters)
    within_one = kind.removeprefix(PREFIX) in WITHIN_ONE
    scaler = preprocessing.MinMaxScaler() if within_one else preprocessing.StandardScaler()
    river = RiverKind(kind, chosen, scaler, None, 0.5 if within_one else 0.0)
    with river.parameter_errors():
        detector = known[kind](**chosen)
        tried = detector.clone()
        tried.learn_one({"signal": river.neutral})
        _, restored = pickles.load(pickles.dump(scaler, tried))
        float(restored.score_one({"signal": river.neutral}))
    return replace(river, detector=detector)


def _is_self_contained(candidate: Any) -> bool:
    """Whether it is a detector without labels that can be created without another one."""
    if not inspect.isclass(candidate) or not issubclass(candidate, base.AnomalyDetector):
        return False
    parameters = inspect.signature(candidate).parameters.values()
    return all(parameter.default is not parameter.empty for parameter in parameters)
