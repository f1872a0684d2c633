"""The job that keeps a history, as a process that a test can kill, and the messages that it keeps."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

from config.broker_settings import MqttSettings
from config.history_settings import Place
from dataflows.events import Alert, AuditEntry, Command, CommandAnswer, LateEvent, Rollup, SignalSummary
from dataflows.history.kinds import KindName
from dataflows.history.reader import History
from scripts.waiting import DEADLINE, wait_until
from tests.support.enriched_events import START
from tests.support.environment import without_settings
from tests.support.paths import REPOSITORY


def topics_below(topic: str, separator: str = "/") -> dict[str, str]:
    """Environment variables that put all topics below one."""
    names = {
        "ENRICHED": "enriched",
        "DEAD_LETTER": "dead-letter",
        "ALERTS": "alerts",
        "ALERT_ACTIONS": "alert-actions",
        "ROLLUPS": "rollups",
        "LATE": "late",
        "AUDIT": "audit",
        "COMMAND": "command",
    }
    variables = {f"FLEET__TOPICS__{key}": f"{topic}{separator}{name}" for key, name in names.items()}
    telemetry = f"{topic}/telemetry/+" if separator == "/" else f"{topic}{separator}telemetry"
    return variables | {"FLEET__TOPICS__TELEMETRY": telemetry}


def over_mqtt(mqtt: MqttSettings, topic: str) -> dict[str, str]:
    """Environment variables of a job on this broker."""
    return topics_below(topic) | {
        "FLEET__MQTT__HOST": mqtt.host,
        "FLEET__MQTT__PORT": str(mqtt.port),
        "FLEET__MQTT__PROTOCOL": mqtt.protocol,
        "FLEET__MQTT__CLIENT_ID": mqtt.client_id,
    }


def start_recorder(
    directory: Path, variables: dict[str, str], *arguments: str, log: Path
) -> subprocess.Popen[bytes]:
    """Start the job, without waiting until it is ready; an epoch is a second.

    Args:
        directory: of the history.
        variables: environment variables.
        arguments: of the engine.
        log: its output is appended to this file.
    """
    clean = without_settings()
    history = {"FLEET__HISTORY__DIRECTORY": str(directory), "FLEET__HISTORY__MAINTAIN_EVERY": "0.5"}
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "bytewax.run", "dataflows.record", "-s", "1", *arguments],
            cwd=REPOSITORY,
            env=clean | history | variables,
            stdout=output,
            stderr=output,
        )


@contextmanager
def recording(
    directory: Path, variables: dict[str, str], *arguments: str
) -> Iterator[subprocess.Popen[bytes]]:
    """The running job; it is killed at the end."""
    process = start_recorder(directory, variables, *arguments, log=directory.with_suffix(".log"))
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait_for_rows(
    directory: Path,
    expected: dict[KindName, int],
    process: subprocess.Popen[bytes],
    deadline: float = DEADLINE,
    *,
    place: Place | None = None,
) -> History:
    """The history, as soon as it has this many rows of each kind.

    Args:
        directory: of the history, and beside it the log.
        expected: kind → rows.
        process: the job.
        deadline: seconds.
        place: where the history is, if not in the directory.

    Raises:
        AssertionError: it has not in time, or the job has ended; with what the job said.
    """
    history = History(place or directory)
    found: dict[KindName, int] = {}

    def has_all() -> bool:
        assert process.poll() is None, directory.with_suffix(".log").read_text()[-3000:]
        found.update({kind: len(history.rows(kind)) for kind in expected})
        return all(found[kind] >= count for kind, count in expected.items())

    try:
        wait_until(has_all, f"rows {expected}", deadline)
    except AssertionError as error:
        log = directory.with_suffix(".log").read_text()[-3000:]
        raise AssertionError(f"{error}, but {found}; the job says\n{log}") from None
    return history


def alert(vehicle: str, revision: int = 1, **changes: object) -> Alert:
    """A revision of the alert of a vehicle."""
    alert = Alert(
        alert_id=f"{vehicle}/limit/speed/e",
        revision=revision,
        vehicle_id=vehicle,
        kind="limit",
        subject="speed",
        state="open",
        severity="minor",
        peak=60.0,
        summary="too fast",
        signals=(),
        events=revision,
        openings=1,
        onset_at=START,
        opened_at=START,
        last_at=START + timedelta(seconds=revision),
        cleared_at=None,
        changed_at=START + timedelta(seconds=revision),
    )
    return msgspec.structs.replace(alert, **changes)


def rollup(vehicle: str, minute: int = 0, revision: int = 1, **changes: object) -> Rollup:
    """What a vehicle did in a minute."""
    start = START + timedelta(minutes=minute)
    summary = SignalSummary(count=60, mean=50.0 + minute, min=40.0, max=60.0, last=55.0)
    rollup = Rollup(
        rollup_id=f"{vehicle}/{minute}",
        revision=revision,
        vehicle_id=vehicle,
        start=start,
        end=start + timedelta(minutes=1),
        first_at=start,
        last_at=start + timedelta(seconds=59),
        events=60,
        anomalies=revision,
        error_mean=0.5,
        error_peak=1.5,
        signals={"speed": summary},
        distance_km=0.9,
        moving_s=60.0,
        idle_s=0.0,
        used={"fuel": 0.1},
        made_at=start + timedelta(seconds=60 + revision),
    )
    return msgspec.structs.replace(rollup, **changes)


def late_event(vehicle: str, number: int = 0) -> LateEvent:
    """An event that came too late."""
    return LateEvent(event_id=f"{vehicle}/{number}", vehicle_id=vehicle, ts=START, late_by_s=70.0)


def audit_entry(number: int, **changes: Any) -> AuditEntry:
    """That somebody has logged in."""
    entry = AuditEntry(
        id=f"a{number}", event="login", by="Kim", role="viewer", address="192.0.2.7", happened_at=START
    )
    return msgspec.structs.replace(entry, **changes)


def command(number: int) -> Command:
    """A command with arguments."""
    return Command(id=f"c{number}", name="limit_speed", arguments={"kmh": 50.0}, by="Kim")


def answer(number: int, vehicle: str) -> CommandAnswer:
    """That it was carried out."""
    return CommandAnswer(
        command_id=f"c{number}", name="limit_speed", vehicle_id=vehicle, status="done", answered_at=START
    )
