"""How long a job with the state of a large fleet is down after a crash.

The guarantee is that of `test_mqtt`. The time is reported, not asserted: it depends on the machine.
"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pytest

from scripts.brokers.mosquitto import StartMosquitto
from scripts.fault_measurement import Measure
from sim.fleet import Fleet
from tests.support.mqtt_fleet import FLEET_SIGNALS
from tests.support.mqtt_run import running

VEHICLES = 10_000
EVENTS_EACH = 10
"""Events of each vehicle before the crash: as many as the detector keeps per vehicle."""

RATE = 1_000.0
"""Events per second that arrive while the job is down."""

KILLS = 3


def fleet_telemetry(events_each: int) -> list[bytes]:
    """Simulated telemetry with all signals of config/fleet.toml; the vehicles take turns."""
    fleet = Fleet(
        vehicles=VEHICLES,
        rate=1.0,
        seed=7,
        faults_per_hour=6.0,
        latitude=48.1,
        longitude=11.5,
        start=datetime(2026, 1, 1, tzinfo=UTC),
    )
    return [payload for step in islice(fleet.steps(), events_each) for payload in step.payloads]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_job_with_the_state_of_ten_thousand_vehicles_resumes_after_a_crash_and_loses_nothing(
    mosquitto: StartMosquitto, tmp_path: Path, measure: Measure
) -> None:
    """With 10,000 vehicles of nine scored signals in its state, the job is SIGKILLed and restarted 3 times.

    Meanwhile 1,000 events a second arrive; none of them is lost.
    """
    broker = mosquitto()
    payloads = fleet_telemetry(2 * EVENTS_EACH)
    with running(broker, tmp_path, payloads, VEHICLES, FLEET_SIGNALS) as run:
        run.start()
        run.vehicles.send(VEHICLES * EVENTS_EACH)
        run.wait_until_caught_up()
        run.vehicles.send(len(payloads), RATE)
        for _ in range(KILLS):
            run.wait_for_snapshots(2)
            run.wait_for_output(int(RATE / 2))
            run.kill()
            run.start()
        run.vehicles.stop()
        run.wait_until_caught_up()
        run.kill()
        state = sum(file.stat().st_size for file in run.job.recovery.iterdir()) / 2**20
        row = run.measurement(
            f"MQTT: SIGKILL of a job that knows 10,000 vehicles, {KILLS} times",
            f"{state:.0f} MiB in the recovery directory",
        )
        measure(row)
        assert row.lost == 0
        assert len(run.inbox.by_id()) == row.events
        assert run.covered_but_repeated() == []
