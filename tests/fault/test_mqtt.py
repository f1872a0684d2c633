"""What the job over MQTT promises when it dies: nothing is lost, and no score changes.

The guarantee: every message that the broker has confirmed to a vehicle is in the enriched topic at least
once, under its own id. Every copy is what comes out of a job that nothing happens to, to the bit but for
the time of scoring. Twice is only what no snapshot covered when the job was killed.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from scripts.brokers.mosquitto import Mosquitto, StartMosquitto
from scripts.fault_measurement import Measure
from tests.support.mqtt_run import Run, running, undisturbed
from tests.support.snapshot_watch import is_incomplete, wait_until_one_begins
from tests.support.telemetry import telemetry

EVENTS = 100_000
"""More than any test sends."""

VEHICLES = 200
MANY_VEHICLES = 3_000
"""So many that it takes a while to write what is known of them."""

RATE = 500.0
"""Events a second that arrive while something happens to the job."""

LONGEST_RUN = 5.0
"""Seconds from a start to the next kill, at most: some die before they have read anything."""

TIME_TO_STOP = 10.0
"""Seconds after which most supervisors kill what they have asked to stop."""

KILLS_DURING_SNAPSHOTS = 5
KILLS_AFTER_SNAPSHOTS = 3
BACKLOG = EVENTS
"""Events that wait for the job: more than it takes until it is killed for the last time."""

LONGEST_SNAPSHOT = 0.03
"""Seconds after the first write of a snapshot, within which the job is killed."""

Property = Callable[[str, object], None]

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def payloads() -> list[bytes]:
    return telemetry(EVENTS, VEHICLES, equal_times=True)


def end(run: Run) -> None:
    """Let it emit everything that was sent, and some time more for what it might emit again; kill it."""
    run.vehicles.stop()
    run.wait_until_caught_up()
    run.wait_for_snapshots(2)
    run.kill()


def assert_the_guarantee(run: Run, broker: Mosquitto, directory: Path, context: str = "") -> None:
    """Compare what came out with what comes out of a job that is sent the same and left alone."""
    sent = run.vehicles.confirmed()
    out = {one.telemetry for one in run.inbox.received}
    assert [payload for payload in sent if payload not in out] == [], context
    events = run.inbox.by_id()
    assert len(events) == len(sent), context
    assert events == undisturbed(broker, directory / "undisturbed", run), context
    assert run.covered_but_repeated() == [], context


@pytest.mark.parametrize(
    "kills",
    [
        pytest.param(2, marks=pytest.mark.long),
        pytest.param(20, marks=[pytest.mark.slow, pytest.mark.timeout(900)]),
    ],
)
def test_a_job_that_is_killed_at_random_moments_loses_nothing_and_scores_as_if_it_had_not_been(
    kills: int,
    mosquitto: StartMosquitto,
    payloads: list[bytes],
    tmp_path: Path,
    measure: Measure,
    record_property: Property,
) -> None:
    """SIGKILL at random moments while 500 events a second arrive, also while it starts or goes on.

    Every event is in the enriched topic at least once, with the scores of the undisturbed run, to the bit.
    Emitted twice is only what no snapshot covered.
    """
    seed = random.randrange(1_000_000)
    record_property("seed", seed)
    moments = random.Random(seed)
    broker = mosquitto()
    with running(broker, tmp_path, payloads, VEHICLES) as run:
        run.vehicles.send(EVENTS, RATE)
        for number in range(kills):
            run.start()
            if number % 2:
                run.wait_for_output()
            time.sleep(moments.uniform(0.0, LONGEST_RUN))
            run.kill()
        run.start()
        end(run)
        measure(run.measurement(f"MQTT: SIGKILL at {kills} random moments", f"seed {seed}"))
        assert_the_guarantee(run, broker, tmp_path, f"seed {seed}")


@pytest.mark.slow
def test_a_job_that_is_killed_while_it_writes_a_snapshot_loses_nothing(
    mosquitto: StartMosquitto, tmp_path: Path, measure: Measure, record_property: Property
) -> None:
    """SIGKILL within 30 ms after a snapshot of 3,000 vehicles has begun to be written, 5 times.

    The job goes on at the snapshot before, or at this one if it was complete. The guarantee holds, and at
    least one of the kills has left a part of a snapshot behind.
    """
    seed = random.randrange(1_000_000)
    record_property("seed", seed)
    moments = random.Random(seed)
    broker = mosquitto()
    payloads = telemetry(EVENTS, MANY_VEHICLES, equal_times=True)
    with running(broker, tmp_path, payloads, MANY_VEHICLES) as run:
        run.vehicles.send(5 * MANY_VEHICLES)
        run.start()
        run.wait_until_caught_up()
        run.vehicles.send(EVENTS, RATE)
        incomplete = 0
        for _ in range(KILLS_DURING_SNAPSHOTS):
            run.wait_for_output()
            wait_until_one_begins(run.job.recovery)
            time.sleep(moments.uniform(0.0, LONGEST_SNAPSHOT))
            run.kill()
            incomplete += is_incomplete(run.job.recovery)
            run.start()
        end(run)
        left_behind = f"{incomplete} left a part of it behind"
        fault = f"MQTT: SIGKILL during a snapshot, {KILLS_DURING_SNAPSHOTS} times"
        measure(run.measurement(fault, f"{left_behind}; seed {seed}"))
        assert_the_guarantee(run, broker, tmp_path, f"seed {seed}")
        assert incomplete > 0, f"seed {seed}"


@pytest.mark.slow
def test_a_job_that_is_killed_before_it_has_acknowledged_what_a_snapshot_covers_scores_nothing_twice(
    mosquitto: StartMosquitto, payloads: list[bytes], tmp_path: Path, measure: Measure
) -> None:
    """SIGKILL as soon as a snapshot of a large backlog is complete, 3 times.

    Acknowledgements go out in portions, so that the broker has not got all of them and delivers again what
    the state already holds. The guarantee holds.
    """
    broker = mosquitto()
    with running(broker, tmp_path, payloads, VEHICLES) as run:
        run.vehicles.send(BACKLOG)
        run.vehicles.wait()
        for _ in range(KILLS_AFTER_SNAPSHOTS):
            run.start()
            run.wait_for_output()
            run.wait_for_snapshots(1)
            run.kill()
        run.start()
        end(run)
        fault = f"MQTT: SIGKILL between snapshot and acknowledgement, {KILLS_AFTER_SNAPSHOTS} times"
        measure(run.measurement(fault))
        assert_the_guarantee(run, broker, tmp_path)


@pytest.mark.slow
def test_a_job_that_is_asked_to_stop_ends_after_a_last_snapshot_and_repeats_nothing(
    mosquitto: StartMosquitto, payloads: list[bytes], tmp_path: Path, measure: Measure
) -> None:
    """SIGTERM while 500 events a second arrive: the job ends with status 0 within 10 s.

    Started again, it goes on with the first event that it had not read: nothing is lost, nothing comes out
    twice.
    """
    broker = mosquitto()
    with running(broker, tmp_path, payloads, VEHICLES) as run:
        run.vehicles.send(EVENTS, RATE)
        run.start()
        run.wait_for_output(1_000)
        stopped = run.job.terminate(TIME_TO_STOP)
        assert stopped.statuses == [0], run.job.last_log
        run.start()
        run.wait_for_output(1_000)
        end(run)
        row = run.measurement("MQTT: SIGTERM", f"stopped within {stopped.seconds:.1f} s")
        measure(row)
        assert_the_guarantee(run, broker, tmp_path)
        assert row.duplicated == 0


@pytest.mark.slow
def test_a_job_of_two_processes_of_which_one_is_killed_loses_nothing(
    mosquitto: StartMosquitto, payloads: list[bytes], tmp_path: Path, measure: Measure
) -> None:
    """SIGKILL to one of two processes; then both are started again.

    Whichever it is: the other one ends by itself, with a status that has a supervisor start it again, and
    the guarantee holds.
    """
    broker = mosquitto()
    with running(broker, tmp_path, payloads, VEHICLES) as run:
        run.vehicles.send(EVENTS, RATE)
        for number in (0, 1):
            run.start(processes=2)
            run.wait_for_output(1_000)
            run.wait_for_snapshots(1)
            assert run.kill(number)[1 - number] == 1, run.job.last_log
            assert "fleet: a peer process of this job exited or became unreachable" in run.job.last_log
        run.start(processes=2)
        end(run)
        measure(run.measurement("MQTT: SIGKILL of one of two processes, then of the other"))
        assert_the_guarantee(run, broker, tmp_path)


@pytest.mark.slow
def test_a_job_goes_on_with_another_number_of_processes_and_the_same_scores(
    mosquitto: StartMosquitto, payloads: list[bytes], tmp_path: Path, measure: Measure
) -> None:
    """1 → 2 → 1 processes, each SIGKILLed while events arrive: the guarantee holds."""
    broker = mosquitto()
    with running(broker, tmp_path, payloads, VEHICLES) as run:
        run.vehicles.send(EVENTS, RATE)
        for processes in (1, 2):
            run.start(processes)
            run.wait_for_output(1_000)
            run.wait_for_snapshots(2)
            run.wait_for_output()
            run.kill()
        run.start()
        run.wait_for_output()
        end(run)
        measure(run.measurement("MQTT: 1 → 2 → 1 processes, each SIGKILLed"))
        assert_the_guarantee(run, broker, tmp_path)
