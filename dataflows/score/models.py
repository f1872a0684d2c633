"""The parameters, the signals and the model of a detector as the settings choose them."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from config.settings import RECONSTRUCTION, DetectorSettings, Settings
from dataflows.detector import Parameters, Signals, Turn
from dataflows.detector.model import Model
from dataflows.detector.reconstruction import ReconstructionModel


def parameters_of(settings: DetectorSettings) -> Parameters:
    """The parameters of every shard's detector, from the section ``[detector]``."""
    chosen: dict[str, Any] = {field.name: getattr(settings, field.name) for field in fields(Parameters)}
    return Parameters(**chosen | {"terms": settings.terms.model_dump()})


def signals_of(settings: Settings) -> Signals:
    """The signals of every shard's detector, from the catalogue: the scored ones."""
    scored = {name: signal for name, signal in settings.signals.items() if signal.is_scored}
    return Signals(
        tuple(scored),
        context=tuple(name for name, signal in scored.items() if signal.role == "context"),
        circular={name: Turn(*signal.turn) for name, signal in scored.items() if signal.circular},
    )


def make_model(settings: DetectorSettings, signals: Signals) -> Model:
    """Create the model of a shard; it has learned nothing.

    Args:
        settings: the section ``[detector]``.
        signals: as `signals_of`.

    Raises:
        SettingsError: the model cannot be created with these settings.
    """
    if settings.kind == RECONSTRUCTION:
        return ReconstructionModel(parameters_of(settings), signals.judged)
    # Only here: River's detectors need SciPy, with which a job takes twice as long to start.
    from dataflows.score.river.adapter import RiverModel

    return RiverModel(settings.kind, settings.river, len(signals.judged), memory=float(settings.memory))
