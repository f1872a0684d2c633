"""A bad network: what arrives, how often, when and with which time, and that the telemetry stays the same."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime
from itertools import pairwise

import numpy as np
import pytest

from dataflows.clock import microseconds
from tests.support.simulated import Run, Simulator

FLEET = ("--vehicles", "50", "--duration", "120", "--faults-per-hour", "60")
EVENTS = 50 * 120
SECOND = 1_000_000


def payloads(run: Run) -> Counter[bytes]:
    return Counter(run.batch.payloads)


def own(run: Run) -> dict[str, list[tuple[int, int, int]]]:
    """Vehicle → arrival, time in the payload (microseconds) and number of its events, in order of arrival."""
    found = defaultdict(list)
    for arrived, event in run.events:
        stamp = microseconds(datetime.fromisoformat(str(event["ts"])))
        found[str(event["vehicle_id"])].append((arrived, stamp, int(str(event["sequence"]))))
    return found


@pytest.fixture
def undisturbed(simulator: Simulator) -> Run:
    return simulator(*FLEET)


def test_a_network_that_nothing_is_asked_of_changes_no_byte(simulator: Simulator, undisturbed: Run) -> None:
    other = simulator(*FLEET, "--network", "loss=0,delay=0")
    assert other.file.read_bytes() == undisturbed.file.read_bytes()
    assert "network:" not in other.said


def test_duplicates_are_the_same_bytes_once_more_within_five_seconds(
    simulator: Simulator, undisturbed: Run
) -> None:
    run = simulator(*FLEET, "--network", "duplicates=0.05")
    counts = payloads(run)
    assert set(counts) == set(payloads(undisturbed))
    repeated = sum(count == 2 for count in counts.values())
    assert set(counts.values()) == {1, 2}
    assert 0.04 * EVENTS < repeated < 0.06 * EVENTS
    assert f"network: {repeated} repeated;" in run.said
    late = [arrived - stamp for events in own(run).values() for arrived, stamp, _ in events]
    assert sum(lateness > 0 for lateness in late) == pytest.approx(repeated, abs=2)
    assert max(late) <= 5 * SECOND


def test_lost_events_never_arrive_and_all_others_do_on_time(simulator: Simulator, undisturbed: Run) -> None:
    run = simulator(*FLEET, "--network", "loss=0.05")
    lost = payloads(undisturbed) - payloads(run)
    assert payloads(run) + lost == payloads(undisturbed)
    assert 0.04 * EVENTS < lost.total() < 0.06 * EVENTS
    assert f"network: {lost.total()} lost;" in run.said
    assert f"6,000 events sent in {EVENTS - lost.total():,} messages" in run.said


def test_events_held_back_are_overtaken_by_later_ones_of_their_vehicle(
    simulator: Simulator, undisturbed: Run
) -> None:
    run = simulator(*FLEET, "--network", "reorder=0.02")
    assert payloads(run) == payloads(undisturbed)
    overtaken = 0
    for events in own(run).values():
        highest = -1
        for arrived, stamp, number in events:
            overtaken += number < highest
            highest = max(highest, number)
            assert 0 <= arrived - stamp <= 5 * SECOND
    # Of two events in a row that are held back, the first may still be the first.
    assert 0.015 * EVENTS < overtaken < 0.025 * EVENTS


def test_vehicles_that_store_events_send_them_in_order_every_so_many_seconds(
    simulator: Simulator, undisturbed: Run
) -> None:
    run = simulator(*FLEET, "--network", "delay=30")
    assert payloads(run) == payloads(undisturbed)
    phases = set()
    for events in own(run).values():
        uploads = sorted({arrived for arrived, _, _ in events})
        assert {later - earlier for earlier, later in pairwise(uploads)} == {30 * SECOND}
        assert [number for _, _, number in events] == list(range(120))
        assert all(0 <= arrived - stamp < 30 * SECOND for arrived, stamp, _ in events)
        phases.add(uploads[0])
    assert len(phases) == 50


def test_in_a_gap_events_are_lost_or_arrive_in_one_go_at_its_end(
    simulator: Simulator, undisturbed: Run
) -> None:
    run = simulator(*FLEET, "--network", "gaps=15")
    lost = payloads(undisturbed) - payloads(run)
    assert lost
    stored = lengths = 0
    last = max(undisturbed.batch.arrived)
    for events in own(run).values():
        assert [number for _, _, number in events] == sorted({number for _, _, number in events})
        for earlier, later in pairwise(sorted({arrived for arrived, _, _ in events})):
            if later - earlier > SECOND:
                assert 29 * SECOND < later - earlier < 302 * SECOND
                lengths += 1
        at_the_end = Counter(arrived for arrived, stamp, _ in events if arrived > stamp)
        # A gap that is not over when the duration ends has only begun.
        whole = [count for arrived, count in at_the_end.items() if arrived <= last]
        assert all(count >= 29 for count in whole)
        stored += at_the_end.total()
    assert lengths > 5
    assert stored
    assert f"{lost.total():,} lost and {stored:,} stored in them" in run.said


def test_a_clock_is_wrong_by_the_same_amount_all_the_time_and_the_ground_truth_is_not(
    simulator: Simulator, undisturbed: Run
) -> None:
    run = simulator(*FLEET, "--network", "clock-skew=5")
    offsets = []
    for events in own(run).values():
        (offset,) = {stamp - arrived for arrived, stamp, _ in events}
        offsets.append(offset / SECOND)
    assert 3.0 < np.std(offsets) < 7.0
    assert min(offsets) < 0.0 < max(offsets)
    assert run.truth == undisturbed.truth
    assert run.batch.arrived == undisturbed.batch.arrived
    for (_, event), (_, true) in zip(run.events, undisturbed.events, strict=True):
        assert event | {"ts": true["ts"]} == true


def test_everything_at_once_is_in_order_of_arrival_and_keeps_telemetry_and_ground_truth(
    simulator: Simulator, undisturbed: Run
) -> None:
    options = "duplicates=0.01,delay=20,reorder=0.02,loss=0.01,gaps=5"
    run = simulator(*FLEET, "--network", options)
    arrived = run.batch.arrived
    assert arrived == sorted(arrived)
    assert set(payloads(run)) < set(payloads(undisturbed))
    assert run.truth == undisturbed.truth
    assert simulator(*FLEET, "--network", options).file.read_bytes() == run.file.read_bytes()
    assert simulator(*FLEET, "--seed", "8", "--network", options).file.read_bytes() != run.file.read_bytes()


def test_one_more_fault_does_not_move_the_others(simulator: Simulator) -> None:
    alone = simulator(*FLEET, "--network", "loss=0.05")
    together = simulator(*FLEET, "--network", "loss=0.05,duplicates=0.1,delay=10,reorder=0.1")
    assert set(payloads(together)) == set(payloads(alone))


def test_held_back_events_are_overtaken_even_if_vehicles_store_their_events(simulator: Simulator) -> None:
    run = simulator(*FLEET, "--network", "reorder=0.02,delay=30")
    for events in own(run).values():
        for earlier, later in pairwise(events):
            # A vehicle sends again only what it had not sent, and what was held back comes after later ones.
            assert earlier[0] <= later[0]
    disorder = sum(
        later[2] < earlier[2] for events in own(run).values() for earlier, later in pairwise(events)
    )
    assert 0.01 * EVENTS < disorder < 0.025 * EVENTS
