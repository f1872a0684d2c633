"""One shard's detector, fed with whole events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from config.settings import Settings
from dataflows.decode.batch import TelemetryBatch
from dataflows.detector import Detector, Scores
from dataflows.detector.model import Model
from dataflows.score.drift import DriftWatch
from dataflows.score.models import model_maker
from dataflows.score.plausibility import PlausibleRanges


@dataclass(frozen=True, slots=True)
class ScoredBatch:
    """Events of one shard with what the detector says of them, row by row.

    Attributes:
        telemetry: m events, duplicates dropped.
        scores: their scores.
        rows: their positions in the batch that was scored, rising, shape (m,).
        implausible: which signals of the catalogue are outside their plausible range, shape (m, S);
            ``None`` if none is.
    """

    telemetry: TelemetryBatch
    scores: Scores
    rows: NDArray[np.intp]
    implausible: NDArray[np.bool_] | None = None


class ShardScorer:
    """One shard's detector, fed with whole events: it picks the scored signals and drops duplicates.

    Args:
        settings: all settings.
        snapshot: state of an earlier one, as from `snapshot`; ``None`` starts afresh.
        make_model: makes its model; by the settings unless given.

    Attributes:
        detector: scores and learns.
        drift: watches whether what is normal changes.

    Raises:
        SettingsError: the model cannot be made as the settings say.
        SnapshotError: the snapshot does not fit this version or these settings.
    """

    def __init__(
        self,
        settings: Settings,
        snapshot: dict[str, Any] | None = None,
        *,
        make_model: Callable[[], Model] | None = None,
    ) -> None:
        scored = settings.scored_signals
        model = (make_model or model_maker(settings.detector, len(scored)))()
        self.drift = DriftWatch()
        self._plausible = PlausibleRanges(settings.signals.values())
        columns = [list(settings.signals).index(name) for name in scored]
        self._columns = slice(None) if columns == list(range(len(settings.signals))) else np.array(columns)
        if snapshot is None:
            self.detector = Detector(settings.detector, scored, model)
        else:
            self.detector = Detector.restore(settings.detector, scored, snapshot["detector"], model)
            self.drift.restore(snapshot["drift"])

    def score(self, batch: TelemetryBatch) -> ScoredBatch:
        """Score a batch, in arrival order."""
        scores = self.detector.process(batch.vehicle_ids, batch.timestamps, batch.values[:, self._columns])
        self.drift.watch(batch.timestamps, scores)
        kept = np.flatnonzero(~scores.duplicate)
        if len(kept) < len(batch):
            batch, scores = batch.take(kept), scores.take(kept)
        return ScoredBatch(batch, scores, kept, self._plausible.outside(batch.values))

    def snapshot(self) -> dict[str, Any]:
        """Copy the whole state."""
        return {"detector": self.detector.snapshot(), "drift": self.drift.snapshot()}
