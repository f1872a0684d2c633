"""The Bytewax step that keeps alerts, one set per shard."""

from __future__ import annotations

from collections.abc import Iterable

import bytewax.operators as op
from bytewax.operators import KeyedStream, StatefulBatchLogic

from config.settings import Settings
from dataflows.alert.counting import AlertMetrics
from dataflows.alert.shard_alerts import ShardAlerts
from dataflows.events import AlertAction
from dataflows.messages import OutgoingBatch
from dataflows.score.scorer import ScoredBatch
from dataflows.score.step import warm_up
from dataflows.stored_state import Stored

Item = ScoredBatch | list[AlertAction]
"""What a shard's alerts follow from: scored events, and what people do."""


class _ShardLogic(StatefulBatchLogic[Item, OutgoingBatch, Stored]):
    def __init__(self, alerts: ShardAlerts, step_id: str) -> None:
        self._alerts = alerts
        self._counted = AlertMetrics(alerts.book.tally, step_id)

    def on_batch(self, values: list[Item]) -> tuple[Iterable[OutgoingBatch], bool]:
        batches = [
            self._alerts.act(item) if isinstance(item, list) else self._alerts.fold(item) for item in values
        ]
        messages = [batch for batch in batches if batch is not None]
        self._counted.count(messages)
        shard = next((item.telemetry.shard for item in values if not isinstance(item, list)), None)
        if shard is not None:
            self._counted.reached(shard, self._alerts.event_time)
        return messages, self.RETAIN

    def snapshot(self) -> Stored:
        return self._counted.snapshot(self._alerts.snapshot())


def alert(step_id: str, up: KeyedStream[Item], settings: Settings) -> KeyedStream[OutgoingBatch]:
    """Messages about the alerts that have changed.

    Args:
        step_id: names the step; also the key under which its state is recovered.
        up: scored batches and actions, keyed by shard.
        settings: all settings.
    """
    # Loading the compiled loops takes a while, for which the first event would otherwise wait.
    ShardAlerts(settings).fold(warm_up(settings))
    return op.stateful_batch(
        step_id, up, lambda snapshot: _ShardLogic(ShardAlerts(settings, snapshot), step_id)
    )


def check_alert_snapshots(settings: Settings, snapshots: Iterable[Stored]) -> None:
    """Check that the alerts can resume from all of these, by doing it, before the engine starts.

    Raises:
        SnapshotError: one does not fit this version.
    """
    for snapshot in snapshots:
        ShardAlerts(settings, snapshot)
