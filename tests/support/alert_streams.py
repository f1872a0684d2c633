"""Scored events and the alerts that they lead to, for tests of alerts without decoding and detector."""

from __future__ import annotations

import pickle
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import msgspec
import numpy as np

from config.settings import Settings, SignalSettings, load
from dataflows.alert.evidence import Verdicts
from dataflows.alert.shard_alerts import ShardAlerts
from dataflows.clock import SECOND
from dataflows.compiled import Floats, Integers, Slots
from dataflows.decode.batch import TelemetryBatch
from dataflows.detector import Scores, Status
from dataflows.detector.state import ArrayState
from dataflows.events import Alert
from dataflows.messages import OutgoingBatch
from dataflows.score.scorer import ScoredBatch
from dataflows.stored_state import unpickle

START = 1_767_225_600 * SECOND
"""2026-01-01 00:00 UTC, microseconds."""

EPOCH = "1970-01-01T00:00:00Z"

OBVIOUS = 100.0
"""Values that `ObviousEvidence` finds unusual, in either direction."""

decode = msgspec.json.Decoder(Alert).decode


class ObviousEvidence(ArrayState):
    """Stands in for `Evidence` where a test is about what follows: 0 is typical, from `OBVIOUS` on is not.

    A value of `OBVIOUS` is a warning; larger ones are as much stronger.
    """

    PER_VEHICLE: ClassVar = ()

    def __init__(self, signals: int, **_: Any) -> None:
        self.signals = signals

    def judge(self, slots: Slots, times: Integers, values: Floats) -> Verdicts:
        size = np.abs(np.nan_to_num(values))
        return Verdicts(
            np.where(size >= OBVIOUS, size, 0.0),
            np.full(len(slots), OBVIOUS),
            np.zeros(values.shape, np.uint8),
            values > 0.0,
            np.where(size >= OBVIOUS, 0.0, np.nan),
        )


def alert_settings(
    signals: Mapping[str, Mapping[str, Any]], *, vehicles: int = 1000, hold: float = 5.0, **alerts: Any
) -> Settings:
    """Settings with these signals, and with these keys of ``[alerts]`` changed."""
    settings = load()
    catalogue = {
        name: SignalSettings.model_validate(
            {**keys, **({} if "expression" in keys else {"pointer": f"/{name}"})}
        )
        for name, keys in signals.items()
    }
    return settings.model_copy(
        update={
            "signals": catalogue,
            "alerts": settings.alerts.model_copy(update=alerts),
            "detector": settings.detector.model_copy(update={"vehicles": vehicles, "hold": hold}),
        }
    )


def events(vehicles: Sequence[str], seconds: Sequence[float] | Floats, values: Any) -> TelemetryBatch:
    """Events with ids made of vehicle, second and position."""
    rows = len(vehicles)
    return TelemetryBatch(
        [f"{vehicle}@{seconds[row]}#{row}" for row, vehicle in enumerate(vehicles)],
        list(vehicles),
        START + (np.asarray(seconds) * SECOND).astype(np.int64),
        np.asarray(values, np.float64).reshape(rows, -1),
        [b"{}"] * rows,
        np.arange(rows, dtype=np.int64),
    )


def as_scored(batch: TelemetryBatch, late: Sequence[int] = ()) -> ScoredBatch:
    """The events as if the detector had found them unremarkable, except for those that are late."""
    scores = Scores.empty(len(batch), batch.values.shape[1])
    scores.status[:] = Status.OK
    scores.status[list(late)] = Status.LATE
    return ScoredBatch(batch, scores, np.arange(len(batch)))


def part(scored: ScoredBatch, start: int, stop: int) -> ScoredBatch:
    """The events from `start` to `stop`."""
    rows = np.arange(start, stop)
    return ScoredBatch(scored.telemetry.part(slice(start, stop)), scored.scores.take(rows), rows)


def read(messages: OutgoingBatch | None) -> list[Alert]:
    """The alerts in messages; those that only remove one from its topic are left out."""
    return [decode(payload) for payload in messages.payloads if payload] if messages is not None else []


def fold(alerts: ShardAlerts, vehicles: Sequence[str], seconds: Any, values: Any) -> list[Alert]:
    """Fold events that the detector would find unremarkable."""
    return read(alerts.fold(as_scored(events(vehicles, seconds, values))))


def history(
    settings: Settings, scored: ScoredBatch, cuts: Sequence[int] = (), *, restart: bool = False
) -> dict[str, list[Alert | None]]:
    """All messages per topic, ``None`` where it was emptied, without the time of day.

    Args:
        settings: all settings.
        scored: the whole stream.
        cuts: positions at which it is cut into batches.
        restart: whether the alerts are stored and restored at each of them.
    """
    alerts = ShardAlerts(settings)
    found: dict[str, list[Alert | None]] = defaultdict(list)
    start = 0
    for stop in [*cuts, len(scored.telemetry)]:
        messages = alerts.fold(part(scored, start, max(start, stop)))
        for key, payload in (
            zip(messages.keys, messages.payloads, strict=True) if messages is not None else ()
        ):
            found[key].append(_timeless(payload) if payload else None)
        start = max(start, stop)
        if restart:
            alerts = ShardAlerts(settings, unpickle(pickle.dumps(alerts.snapshot())))
    return dict(found)


def _timeless(payload: bytes) -> Alert:
    fields = msgspec.json.decode(payload)
    return msgspec.convert(fields | {"changed_at": EPOCH}, Alert)
