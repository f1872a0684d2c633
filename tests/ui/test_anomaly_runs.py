"""Runs of anomalies."""

from __future__ import annotations

from tests.support.enriched_events import enriched
from ui.anomaly_runs import MAX_RUNS, AnomalyLog


def test_anomalies_close_together_are_one_run_represented_by_the_worst() -> None:
    log = AnomalyLog(gap=10.0)
    for at, error in ((100.0, 2.0), (105.0, 9.0), (115.0, 3.0)):
        log.add(enriched("VEH-1", int(at), error=error), at)
    (run,) = log.latest_first()
    assert (run.started_at, run.ended_at, run.events) == (100.0, 115.0, 3)
    assert run.worst.reconstruction_error == 9.0


def test_a_gap_starts_another_run_and_each_vehicle_has_its_own() -> None:
    log = AnomalyLog(gap=10.0)
    log.add(enriched("VEH-1", 0, error=2.0), 100.0)
    log.add(enriched("VEH-2", 0, error=2.0), 104.0)
    log.add(enriched("VEH-1", 1, error=2.0), 110.5)
    starts = [(run.worst.vehicle_id, run.started_at) for run in log.latest_first()]
    assert starts == [("VEH-1", 110.5), ("VEH-2", 104.0), ("VEH-1", 100.0)]


def test_only_the_last_runs_are_kept() -> None:
    log = AnomalyLog(gap=1.0)
    for number in range(MAX_RUNS + 50):
        log.add(enriched(f"VEH-{number}", error=2.0), 10.0 * number)
    kept = log.latest_first()
    assert len(kept) == MAX_RUNS
    assert kept[-1].worst.vehicle_id == "VEH-50"
    log.add(enriched("VEH-0", 1, error=2.0), 1e6)
    assert log.latest_first()[0].worst.vehicle_id == "VEH-0"
