"""Scores whole events with the detector of one shard."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from config.settings import Settings
from dataflows.decode.batch import TelemetryBatch
from dataflows.detector import Detector, Scores
from dataflows.score.drift import DriftWatch
from dataflows.score.models import make_model, parameters_of, signals_of
from dataflows.score.plausibility import PlausibleRanges
from dataflows.stored_state import SHARD, Stored


@dataclass(frozen=True, slots=True)
class ScoredBatch:
    """Events of one shard with their scores, row by row.

    Attributes:
        telemetry: m events, without duplicates.
        scores: their scores.
        rows: their positions in the batch that was scored, ascending, shape (m,).
        implausible: which signals of the catalogue are outside their plausible range, shape (m, S);
            ``None`` if none is.
    """

    telemetry: TelemetryBatch
    scores: Scores
    rows: NDArray[np.intp]
    implausible: NDArray[np.bool_] | None = None


class ShardScorer:
    """Scores whole events with the detector of one shard: selects the scored signals, drops duplicates.

    Args:
        settings: all settings.
        snapshot: state to resume from, as returned by `snapshot`; without it, nothing has been learned.

    Attributes:
        detector: scores and learns.
        drift: watches whether what is normal changes.

    Raises:
        SettingsError: the model cannot be created with these settings.
        SnapshotError: the snapshot does not fit this version or these settings.
    """

    def __init__(self, settings: Settings, snapshot: Stored | None = None) -> None:
        signals = signals_of(settings)
        parameters = parameters_of(settings.detector)
        model = make_model(settings.detector, signals)
        self.drift = DriftWatch()
        self._plausible = PlausibleRanges(settings.signals.values())
        columns = [list(settings.signals).index(name) for name in signals.names]
        self._columns = slice(None) if columns == list(range(len(settings.signals))) else np.array(columns)
        if snapshot is None:
            self.detector = Detector(parameters, signals, model)
        else:
            state = SHARD.unwrap(snapshot)
            self.detector = Detector.restore(parameters, signals, state["detector"], model)
            self.drift.restore(state["drift"])

    def score(self, batch: TelemetryBatch) -> ScoredBatch:
        """Score a batch, in arrival order."""
        scores = self.detector.process(
            batch.vehicle_ids, batch.timestamps, batch.values[:, self._columns], batch.identities
        )
        self.drift.watch(self.detector.learned)
        kept = np.flatnonzero(~scores.duplicate)
        if len(kept) < len(batch):
            batch, scores = batch.take(kept), scores.take(kept)
        return ScoredBatch(batch, scores, kept, self._plausible.outside(batch.values))

    def snapshot(self) -> Stored:
        """Copy the whole state, with the layout `SHARD`."""
        return SHARD.wrap({"detector": self.detector.snapshot(), "drift": self.drift.snapshot()})
