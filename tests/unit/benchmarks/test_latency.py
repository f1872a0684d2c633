"""The latency benchmark: what counts as late, which events a snapshot affects, and the report."""

from __future__ import annotations

import json

import msgspec
import numpy as np
import pytest

from benchmarks.latency import __main__ as latency
from benchmarks.latency.figures import Figures, Measured, report
from benchmarks.latency.load import NANOSECONDS, Load, number_of, publish_on_time
from tests.support.enriched_events import enriched

MILLISECOND = 1_000_000


def measured(
    due: list[int], received: list[int], stored: list[tuple[int, int]], late: list[int] | None = None
) -> Measured:
    """One measurement with times in milliseconds."""
    return Measured(
        "mqtt",
        1000.0,
        np.array(due) * MILLISECOND,
        np.array(received) * MILLISECOND,
        np.array(late or [0] * len(due)) * MILLISECOND,
        [(begin * MILLISECOND, end * MILLISECOND) for begin, end in stored],
    )


def test_a_percentile_is_the_latency_of_an_event() -> None:
    found = Figures.of(np.arange(1.0, 201.0)[::-1])
    assert found == Figures(events=200, missing=0, p50=100.0, p95=190.0, p99=198.0, max=200.0)


def test_an_event_that_never_arrived_counts_as_the_latest_and_is_null_in_json() -> None:
    found = Figures.of(measured(list(range(1, 11)), [2, 3, 4, 5, 6, 7, 8, 9, 10, 0], []).latencies)
    assert found.report() == {
        "events": 10,
        "missing": 1,
        "p50": 1.0,
        "p95": None,
        "p99": None,
        "max": None,
    }


def test_without_events_every_figure_is_null() -> None:
    assert set(Figures.of(np.empty(0)).report().values()) == {0, None}


def test_events_in_flight_while_the_store_changed_are_during_a_snapshot() -> None:
    found = measured([10, 15, 25, 28, 31], [19, 40, 41, 0, 35], [(20, 30)])
    assert np.flatnonzero(found.during_snapshots()).tolist() == [1, 2, 3], "delayed, sent meanwhile, missing"


def test_changes_of_the_store_that_are_close_together_are_one_snapshot() -> None:
    stored = [(5, 6), (6, 9), (30, 31), (5_000, 5_001), (5_400, 5_401), (20_000, 20_001)]
    found = measured([1, 10_000], [2, 10_001], stored)
    assert found.snapshots == 2, "the one after the last event does not count"


def test_the_first_seconds_can_be_left_out() -> None:
    found = measured([1_000, 2_999, 3_000, 4_000], [1_900, 3_000, 3_001, 4_002], [], [9, 9, 0, 1]).after(2.0)
    assert found.latencies.tolist() == [1.0, 2.0]
    assert found.late.tolist() == [0, MILLISECOND]


def test_the_report_has_figures_of_all_events_of_those_during_snapshots_and_of_the_publisher() -> None:
    found = json.loads(json.dumps(report([measured([1, 2, 3], [2, 22, 23], [(10, 11)], [0, 0, 4])])))
    assert list(found) == ["mqtt_1000"]
    one = found["mqtt_1000"]
    assert (one["all"]["events"], one["all"]["p50"], one["all"]["max"]) == (3, 20.0, 20.0)
    assert (one["during_snapshots"]["events"], one["during_snapshots"]["p50"]) == (2, 20.0)
    assert one["during_snapshots"]["snapshots"] == 0, "the store changed after the last event was due"
    assert one["publisher"]["max"] == 4.0


def test_events_are_due_at_a_constant_rate_however_long_the_broker_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 0
    sent: list[tuple[int, int]] = []

    def pass_time(seconds: float) -> None:
        nonlocal now
        now += max(1, round(seconds * NANOSECONDS))

    def send(vehicle: str, payload: bytes) -> None:
        event = json.loads(payload)
        assert event["vehicle_id"] == vehicle
        sent.append((event["sequence"], now // MILLISECOND))
        pass_time(0.003 if event["sequence"] == 41 else 0.0)

    monkeypatch.setattr("benchmarks.latency.load.time.monotonic_ns", lambda: now)
    load = Load(first=40, rate=1000.0, seconds=0.007, since=7.0)
    late = publish_on_time(load, 10 * MILLISECOND, send, pass_time)
    assert sent == [(40, 10), (41, 11), (42, 14), (43, 14), (44, 14), (45, 15), (46, 16)]
    assert (late // MILLISECOND).tolist() == [0, 3, 2, 1, 0, 0, 0]


def test_an_event_is_identified_by_its_number_in_the_telemetry() -> None:
    telemetry = msgspec.Raw(b'{"vehicle_id":"VEH-00017","sequence":17,"signal0":1.5}')
    assert number_of(msgspec.json.encode(enriched("VEH-00017", 3, telemetry=telemetry))) == 17


def test_loads_are_spread_evenly() -> None:
    due = Load(first=0, rate=400.0, seconds=0.5, since=0.0).due()
    assert len(due) == 200
    assert set(np.diff(due)) == {NANOSECONDS // 400}


@pytest.mark.parametrize("rates", ["0", "fast", "100,-1", "", "inf", "nan"])
def test_invalid_rates_are_rejected_with_an_example(rates: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        latency.main(["--rates", rates])
    assert "expected rates such as 100,1000" in capsys.readouterr().err


@pytest.mark.parametrize("seconds", ["0", "soon", "inf", "nan"])
def test_times_that_are_too_short_or_infinite_are_rejected(
    seconds: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        latency.main(["--seconds", seconds])
    assert "expected a number of seconds ≥ 1" in capsys.readouterr().err
