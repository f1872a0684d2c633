"""Which model scores, by the settings."""

from __future__ import annotations

from collections.abc import Callable

from config.settings import RECONSTRUCTION, DetectorSettings
from dataflows.detector.model import Model
from dataflows.detector.reconstruction import ReconstructionModel
from dataflows.score.river.adapter import RiverModel


def model_maker(settings: DetectorSettings, signals: int) -> Callable[[], Model]:
    """What makes a fresh model for a shard.

    Args:
        settings: the section ``[detector]``.
        signals: number of scored signals.

    Raises:
        SettingsError: the model cannot be made as the settings say.
    """

    def make() -> Model:
        if settings.kind == RECONSTRUCTION:
            return ReconstructionModel(settings, signals)
        return RiverModel(settings.kind, settings.river, signals, memory=float(settings.memory))

    # Once here, so that a wrong setting is told before the first event comes.
    make()
    return make
