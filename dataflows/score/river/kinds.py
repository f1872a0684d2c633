"""Which of River's anomaly detectors can be chosen, and how one is made from the settings."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from config.errors import SettingsError
from config.settings import RECONSTRUCTION

PREFIX = "river.anomaly."

WITHIN_ONE = ("HalfSpaceTrees",)
"""Detectors that want signals within 0–1; all others get them with mean 0 and variance 1."""

SEED = 0
"""Of detectors that draw lots and were given no seed: the same stream must give the same scores."""


@dataclass(frozen=True, slots=True)
class RiverKind:
    """One of River's detectors with its parameters, ready to be made for any number of vehicles.

    Attributes:
        name: ``river.anomaly.NAME``.
        scaler: an untouched scaler, to be cloned.
        detector: an untouched detector, to be cloned.
        middle: where the scaler puts a value that says nothing.
    """

    name: str
    scaler: Any
    detector: Any
    middle: float

    @contextmanager
    def told_in_one_line(self) -> Iterator[None]:
        """Turn whatever a detector raises into a `SettingsError`: only its parameters can be at fault.

        River checks few parameters when a detector is made; most fail when it is first used, and some
        only when its first window is full.
        """
        try:
            yield
        except Exception as error:
            raise SettingsError(
                f"detector.river: {self.name} does not work with these parameters "
                f"({type(error).__name__}: {error}); correct [detector.river] or remove them"
            ) from error


def river_kind(kind: str, parameters: Mapping[str, Any]) -> RiverKind:
    """Find a detector of River's and try it on one event.

    Args:
        kind: ``river.anomaly.NAME``.
        parameters: for the detector's constructor.

    Raises:
        SettingsError: there is no such detector, it needs labels or another detector, or it does not take
            these parameters.
    """
    # Importing River takes a second: who does not use it need not wait.
    from river import anomaly, base, preprocessing

    every = {PREFIX + name: getattr(anomaly, name) for name in sorted(anomaly.__all__)}
    known = {name: made for name, made in every.items() if _stands_alone(made, base.AnomalyDetector)}
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
    made = RiverKind(kind, scaler, None, 0.5 if within_one else 0.0)
    with made.told_in_one_line():
        detector = known[kind](**chosen)
        tried = detector.clone()
        tried.learn_one({"signal": made.middle})
        float(tried.score_one({"signal": made.middle}))
    return RiverKind(made.name, made.scaler, detector, made.middle)


def _stands_alone(candidate: Any, kind: type) -> bool:
    """Whether it is a detector without labels that can be made without another one."""
    if not inspect.isclass(candidate) or not issubclass(candidate, kind):
        return False
    parameters = inspect.signature(candidate).parameters.values()
    return all(parameter.default is not parameter.empty for parameter in parameters)
