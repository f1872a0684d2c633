"""The scores of a whole recording, collected batch by batch, and their worst episodes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataflows.backtest.alerts import FoundAlerts
from dataflows.backtest.episodes import Episode, episodes
from dataflows.events import DeadLetter
from dataflows.score.scorer import ScoredBatch

WORST_EPISODES = 10
LEADING_SIGNALS = 3


@dataclass(frozen=True, slots=True)
class EpisodeSummary:
    """What the report says of an episode of anomalies.

    Attributes:
        vehicle_id: whose.
        start, stop: event times of its first and its last anomaly, microseconds since 1970-01-01 UTC.
        anomalies: number of events that were flagged.
        severity: highest severity, 0–100.
        leading: signals with the largest mean share of the error, and that share, largest first.
    """

    vehicle_id: str
    start: int
    stop: int
    anomalies: int
    severity: float
    leading: list[tuple[str, float]]


class Results:
    """Scores of a whole recording as columns, in the order of the recording.

    Args:
        scored: names of the scored signals.
        targets: those of them that can be to blame.

    Attributes:
        signals: the targets.
        seconds: how long the scoring took.
        drifts: event times at which what is normal changed, microseconds since 1970-01-01 UTC.
        events: number of decoded events, duplicates included.
        dead_letters: number of events that could not be decoded.
        first_reason: the reason of the first of them; empty if there is none.
        warnings: what to know of the result, a sentence each.
        alerts: the alerts.
    """

    def __init__(self, scored: list[str], targets: list[str]) -> None:
        self.signals = targets
        self._targets = [scored.index(name) for name in targets]
        self.seconds = 0.0
        self.drifts: list[int] = []
        self.events = 0
        self.dead_letters = 0
        self.first_reason = ""
        self.warnings: list[str] = []
        self.alerts = FoundAlerts()
        self._parts: list[dict[str, NDArray[Any]]] = []
        self._ids: list[tuple[str, str]] = []
        self._contributions: list[NDArray[np.float64]] = []

    def add(self, batch: ScoredBatch, rows: NDArray[np.intp], truth: NDArray[np.float64] | None) -> None:
        """Add the scored events of one shard of a batch.

        Args:
            batch: n scored events.
            rows: their n positions among the events of the whole batch.
            truth: n labels, where anything but 0 and NaN is anomalous; ``None`` without ground truth.
        """
        scores, telemetry = batch.scores, batch.telemetry
        label = np.zeros(len(rows)) if truth is None else np.nan_to_num(truth)
        contributions = scores.contributions[:, self._targets]
        self._parts.append(
            {
                "row": self.events + rows,
                "ts": telemetry.timestamps,
                "error": scores.error,
                "smoothed": scores.smoothed,
                "threshold": scores.threshold,
                "anomaly": scores.anomaly,
                "severity": scores.severity,
                "status": scores.status,
                "leading": np.argmax(contributions, axis=1) if len(rows) else rows,
                "label": label != 0,
                "id": np.arange(len(self._ids), len(self._ids) + len(rows)),
            }
        )
        self._ids.extend(zip(telemetry.event_ids, telemetry.vehicle_ids, strict=True))
        self._contributions.append(contributions[scores.anomaly])

    def end_batch(self, events: int) -> None:
        """Mark the end of a batch of `events` decoded events, duplicates included."""
        self.events += events

    def add_dead_letters(self, letters: Sequence[DeadLetter]) -> None:
        """Count events that could not be decoded."""
        self.dead_letters += len(letters)
        if letters and not self.first_reason:
            self.first_reason = letters[0].reason

    @cached_property
    def columns(self) -> dict[str, NDArray[Any]]:
        """The scored events, one per row, in the order of the recording; at least one must have been added.

        `row` is the number of the event in the recording, duplicates included; `leading` the position of the
        target with the largest share of the error; `id` and `contributions` are positions for `ids` and the
        contributions of the flagged events.
        """
        joined = {name: np.concatenate([part[name] for part in self._parts]) for name in self._parts[0]}
        joined["contributions"] = np.cumsum(joined["anomaly"]) - 1
        order = np.argsort(joined["row"], kind="stable")
        return {name: column[order] for name, column in joined.items()}

    def ids(self, row: int) -> tuple[str, str]:
        """Event id and vehicle id of a row of `columns`."""
        return self._ids[int(self.columns["id"][row])]

    @cached_property
    def rows_of_vehicles(self) -> dict[str, NDArray[np.intp]]:
        """Vehicle id → its rows of `columns`."""
        rows: dict[str, list[int]] = {}
        for position, index in enumerate(self.columns["id"].tolist()):
            rows.setdefault(self._ids[index][1], []).append(position)
        return {vehicle: np.array(positions, np.intp) for vehicle, positions in rows.items()}

    def worst_episodes(self) -> list[EpisodeSummary]:
        """At most `WORST_EPISODES` episodes of anomalies, the most severe first."""
        return sorted(self._episodes(), key=lambda episode: (-episode.severity, episode.start))[
            :WORST_EPISODES
        ]

    def _episodes(self) -> Iterator[EpisodeSummary]:
        contributions = np.concatenate(self._contributions)
        for vehicle, rows in self.rows_of_vehicles.items():
            of_vehicle = {name: column[rows] for name, column in self.columns.items()}
            for episode in episodes(of_vehicle["anomaly"]):
                yield self._summary(vehicle, episode, of_vehicle, contributions)

    def _summary(
        self,
        vehicle: str,
        episode: Episode,
        of_vehicle: dict[str, NDArray[Any]],
        contributions: NDArray[np.float64],
    ) -> EpisodeSummary:
        part = {name: column[episode.start : episode.stop] for name, column in of_vehicle.items()}
        flagged = part["anomaly"]
        mean = contributions[part["contributions"][flagged]].mean(axis=0)
        leading = np.argsort(-mean, kind="stable")[:LEADING_SIGNALS]
        return EpisodeSummary(
            vehicle,
            int(part["ts"][0]),
            int(part["ts"][-1]),
            int(flagged.sum()),
            float(part["severity"].max()),
            [(self.signals[signal], float(mean[signal])) for signal in leading],
        )
