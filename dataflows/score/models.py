"""The parameters and the model of a detector as the settings choose them."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from config.settings import RECONSTRUCTION, DetectorSettings
from dataflows.detector import Parameters
from dataflows.detector.model import Model
from dataflows.detector.reconstruction import ReconstructionModel


def parameters_of(settings: DetectorSettings) -> Parameters:
    """The parameters of every shard's detector, from the section ``[detector]``."""
    chosen: dict[str, Any] = {field.name: getattr(settings, field.name) for field in fields(Parameters)}
    return Parameters(**chosen | {"terms": settings.terms.model_dump()})


def make_model(settings: DetectorSettings, signals: int) -> Model:
    """Create the model of a shard; it has learned nothing.

    Args:
        settings: the section ``[detector]``.
        signals: number of scored signals.

    Raises:
        SettingsError: the model cannot be created with these settings.
    """
    if settings.kind == RECONSTRUCTION:
        return ReconstructionModel(parameters_of(settings), signals)
    # Only here: River's detectors need SciPy, with which a job takes twice as long to start.
    from dataflows.score.river.adapter import RiverModel

    return RiverModel(settings.kind, settings.river, signals, memory=float(settings.memory))
