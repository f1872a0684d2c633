"""The model that the settings choose."""

from __future__ import annotations

from config.settings import RECONSTRUCTION, DetectorSettings
from dataflows.detector.model import Model
from dataflows.detector.reconstruction import ReconstructionModel


def make_model(settings: DetectorSettings, signals: int) -> Model:
    """Create the model of a shard; it has learned nothing.

    Args:
        settings: the section ``[detector]``.
        signals: number of scored signals.

    Raises:
        SettingsError: the model cannot be created with these settings.
    """
    if settings.kind == RECONSTRUCTION:
        return ReconstructionModel(settings, signals)
    # Only here: River's detectors need SciPy, with which a job takes twice as long to start.
    from dataflows.score.river.adapter import RiverModel

    return RiverModel(settings.kind, settings.river, signals, memory=float(settings.memory))
