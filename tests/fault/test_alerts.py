"""What alerts promise when the job dies: none is opened twice, none is lost, and what people did stays.

The guarantee: whatever happens to the job, the alerts on the topic have the ids that they have when nothing
happens to it, and end in the same states, to the last field but the time of writing. What is written twice
is the same. The last message about an alert has its highest revision. An action that the broker has confirmed
is in the alert that it is about.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dataflows.events import Alert
from scripts.brokers.mosquitto import Mosquitto, StartMosquitto
from tests.support.alert_kills import (
    EVENTS,
    LAST,
    LONGEST_RUN,
    TIME_PER_KILL,
    VEHICLES,
    WHO,
    alert_telemetry,
    check_alerts,
    is_lasting,
)
from tests.support.alerting_job import SETTINGS, acknowledgement, decoded, latest
from tests.support.mqtt_clients import Inbox, create_session, publish
from tests.support.mqtt_run import Run, running

Property = Callable[[str, object], None]

pytestmark = pytest.mark.timeout(300)


def alerts_in(inbox: Inbox) -> list[Alert]:
    return decoded(payload for _, payload in list(inbox.messages))


def wait_for_output(run: Run) -> None:
    """Return when another event has been emitted, if there is one left."""
    wanted = min(run.inbox.distinct() + 1, EVENTS - LAST)
    run.job.wait(lambda: run.inbox.distinct() >= wanted, "output")


def end(run: Run) -> None:
    """Let it emit everything that was sent, and end by itself: then every alert is written."""
    run.vehicles.wait()
    run.job.wait_until_listening()
    run.wait_until_caught_up()
    assert run.job.terminate().statuses == [0], run.job.last_log


def undisturbed(broker: Mosquitto, directory: Path) -> dict[str, Alert]:
    with (
        running(broker, directory, alert_telemetry(), VEHICLES, SETTINGS) as run,
        Inbox(run.job.mqtt, run.job.alerts) as inbox,
    ):
        run.start()
        run.vehicles.send(EVENTS)
        end(run)
        return latest(alerts_in(inbox))


def acknowledge(run: Run, inbox: Inbox, done: set[str]) -> None:
    """Acknowledge what is open and lasts, once."""
    new = {alert.alert_id for alert in alerts_in(inbox) if is_lasting(alert)} - done
    publish(run.job.mqtt, [(run.job.actions, acknowledgement(alert_id, WHO)) for alert_id in sorted(new)])
    done |= new


@pytest.mark.parametrize(
    "kills",
    [
        pytest.param(2, marks=pytest.mark.long),
        pytest.param(12, marks=[pytest.mark.slow, pytest.mark.timeout(900)]),
    ],
)
def test_a_job_that_is_killed_at_random_moments_opens_no_alert_twice_and_keeps_what_people_did(
    kills: int, mosquitto: StartMosquitto, tmp_path: Path, record_property: Property
) -> None:
    """SIGKILL at random moments while alerts open and clear, and as soon as some are acknowledged."""
    seed = random.randrange(1_000_000)
    record_property("seed", seed)
    moments = random.Random(seed)
    broker = mosquitto()
    done: set[str] = set()
    with running(broker, tmp_path / "disturbed", alert_telemetry(), VEHICLES, SETTINGS) as run:
        create_session(run.job.mqtt, f"{run.job.mqtt.client_id}-alert-actions", run.job.actions)
        with Inbox(run.job.mqtt, run.job.alerts) as inbox:
            run.vehicles.send(EVENTS - LAST, EVENTS / (kills * TIME_PER_KILL))
            for _ in range(kills):
                run.start()
                wait_for_output(run)
                time.sleep(moments.uniform(0.0, LONGEST_RUN))
                acknowledge(run, inbox, done)
                run.kill()
            run.start()
            run.job.wait(lambda: len({a.vehicle_id for a in alerts_in(inbox)}) == VEHICLES, "all alerts")
            acknowledge(run, inbox, done)
            run.vehicles.send(LAST)
            end(run)
            messages = alerts_in(inbox)

    check_alerts(messages, undisturbed(broker, tmp_path / "undisturbed"), done, f"seed {seed}")
