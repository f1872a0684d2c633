"""The same events in the same order give the same alerts, however batched and wherever the job stops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from config.settings import Settings
from dataflows.alert import shard_alerts
from dataflows.decode.batch import TelemetryBatch
from dataflows.detector import Status
from dataflows.score.scorer import ScoredBatch, ShardScorer
from tests.support.alert_streams import ObviousEvidence, alert_settings, events, history

ROWS = 700
YEAR = 365 * 86_400.0

SETTINGS = alert_settings(
    {
        "speed": {"high": 60.0, "unit": "km/h", "when": "load > -50"},
        "load": {"low": -60.0, "direction": "above"},
        "voltage": {"least_deviation": 1.0},
        "outside": {"role": "context"},
    },
    vehicles=5,
    hold=60.0,
    clear_after=60.0,
    reopen_within=600.0,
    keep_cleared=300.0,
    missing_after=20.0,
    silent_after=60.0,
    asleep="speed < -20",
)


def stream(seed: int, vehicles: int, every: float) -> TelemetryBatch:
    """Vehicles that come and go, with everything that can be wrong with their events."""
    random = np.random.default_rng(seed)
    active = random.integers(0, vehicles, ROWS)
    # One of the vehicles is away for a part of the time.
    away = slice(ROWS // 3, ROWS // 2)
    active[away] = np.where(active[away] == 0, vehicles - 1, active[away])
    times = np.cumsum(random.choice([0.0, every, every, 2.0 * every], ROWS) / vehicles)
    times[ROWS // 2 :] += random.choice([0.0, 5000.0])
    out_of_order = random.random(ROWS) < 0.08
    times[out_of_order] -= random.integers(0, int(40 * every), out_of_order.sum())
    times[random.random(ROWS) < 0.003] += YEAR
    if random.random() < 0.5:
        ahead = (active == 1) & (np.arange(ROWS) > 100) & (np.arange(ROWS) < 250)
        times[ahead] += 7200.0
    drive = np.cumsum(random.normal(size=ROWS)) % 50
    values = np.stack(
        [drive, random.normal(size=ROWS) - drive, random.normal(12, 0.1, ROWS), random.normal(size=ROWS)], 1
    )
    for column in range(4):
        at = int(random.integers(300, ROWS - 60))
        for begin in (at - 100, at):
            values[begin : begin + int(random.integers(1, 50)), column] += random.choice(
                [-300.0, 30.0, 900.0]
            )
    values[random.random(values.shape) < 0.03] = np.nan
    values[400:450, int(random.integers(0, 4))] = np.nan
    batch = events([f"VEH-{number}" for number in active], times, values)
    batch.identities[:] = random.integers(0, 3, ROWS)
    return batch


def scored(batch: TelemetryBatch, settings: Settings = SETTINGS) -> ScoredBatch:
    return ShardScorer(settings).score(batch)


@pytest.fixture(autouse=True, params=["evidence", "obvious"])
def _often(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget vehicles and alerts often; with the real evidence, and with one that finds a lot."""
    monkeypatch.setattr(shard_alerts, "EVICT_EVERY", 128)
    monkeypatch.setattr(shard_alerts, "FORGET_ROWS", 16)
    monkeypatch.setattr(shard_alerts, "SETTLE", 30.0)
    if request.param == "obvious":
        monkeypatch.setattr(shard_alerts, "Evidence", ObviousEvidence)


streams = st.tuples(st.integers(0, 10_000), st.sampled_from([1, 4, 9]), st.sampled_from([1.0, 10.0]))
"""Arguments of `stream`."""

cuts = st.lists(st.integers(0, ROWS), max_size=12).map(sorted)
few = hypothesis_settings(max_examples=5)


@given(streams, cuts)
@few
def test_it_does_not_matter_how_events_are_batched(
    arguments: tuple[int, int, float], where: list[int]
) -> None:
    whole = scored(stream(*arguments))
    where = [min(cut, len(whole.telemetry)) for cut in where]
    assert history(SETTINGS, whole, where) == history(SETTINGS, whole)


@given(streams, cuts)
@few
def test_it_does_not_matter_where_the_job_stops_and_resumes(
    arguments: tuple[int, int, float], where: list[int]
) -> None:
    """Its state is read by an unpickler that refuses every class."""
    whole = scored(stream(*arguments))
    where = [min(cut, len(whole.telemetry)) for cut in where]
    assert history(SETTINGS, whole, where, restart=True) == history(SETTINGS, whole)


def test_one_event_at_a_time_gives_the_same() -> None:
    whole = scored(stream(3, 4, 10.0))
    each = list(range(1, len(whole.telemetry)))
    assert history(SETTINGS, whole, each) == history(SETTINGS, whole)


@given(streams)
@example((10, 9, 10.0))
@example((24, 9, 10.0))
@few
def test_what_is_published_makes_sense(arguments: tuple[int, int, float]) -> None:
    """Of every alert: revisions rise by one, times are in order, and it is open or cleared."""
    for messages in history(SETTINGS, scored(stream(*arguments))).values():
        revision: dict[str, int] = {}
        for alert in messages:
            if alert is None:
                continue
            assert alert.revision == revision.get(alert.alert_id, 0) + 1
            revision[alert.alert_id] = alert.revision
            assert alert.onset_at <= alert.opened_at
            assert (alert.state == "open") == (alert.cleared_at is None)
            assert alert.cleared_at is None or alert.cleared_at >= alert.opened_at
            assert 50.0 <= alert.peak <= 100.0
            assert alert.kind == "silent" or alert.subject in SETTINGS.signals


def test_the_streams_are_worth_the_trouble(request: pytest.FixtureRequest) -> None:
    """They have late and out-of-order events and duplicates, and lead to alerts of every kind."""
    found: dict[str, Any] = {}
    for seed in range(6):
        whole = scored(stream(seed, 9, 1.0))
        assert len(whole.telemetry) < ROWS or seed
        assert (whole.scores.status == Status.LATE).any()
        found |= history(SETTINGS, whole)
        found |= history(SETTINGS, scored(stream(seed, 4, 10.0)))
    kinds = {topic.split("/")[1] for topic in found}
    assert kinds >= {"limit", "missing", "silent"}
    if "obvious" in request.node.name:
        assert "anomaly" in kinds
    assert any(None in messages for messages in found.values())
    assert any(alert.openings > 1 for messages in found.values() for alert in messages if alert)
