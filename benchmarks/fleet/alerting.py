"""Decoded telemetry in, alerts out: the steps of the job without an engine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from config.settings import Settings
from dataflows.alert.shard_alerts import ShardAlerts
from dataflows.decode import Decoded, TelemetryBatch
from dataflows.events import Alert
from dataflows.score.scorer import ShardScorer
from dataflows.score.shard import split

_decode = msgspec.json.Decoder(Alert).decode


class Alerting:
    """Scores and alerts, in the shards that the job would use.

    Args:
        settings: all settings.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._shards: dict[str, tuple[ShardScorer, ShardAlerts]] = {}

    def revisions(self, batches: Iterable[Decoded]) -> Iterator[Alert]:
        """Every revision of every alert, in order."""
        for decoded in batches:
            for key, part in split(decoded, self._settings.detector.shards):
                yield from self._fold(key, part)

    def _fold(self, key: str, part: TelemetryBatch) -> Iterator[Alert]:
        if key not in self._shards:
            self._shards[key] = ShardScorer(self._settings), ShardAlerts(self._settings)
        scorer, alerts = self._shards[key]
        messages = alerts.fold(scorer.score(part))
        for payload in messages.payloads if messages is not None else ():
            if payload:
                yield _decode(payload)
