"""What programs log: one line of JSON for an event, of the right level, or text at a terminal."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from bytewax.recovery import init_db_dir

from scripts.brokers.mosquitto import StartMosquitto
from scripts.brokers.ports import free_port
from scripts.brokers.process import Broker
from scripts.waiting import DEADLINE, wait_until
from tests.support.environment import without_settings
from tests.support.mqtt_clients import publish
from tests.support.page_process import page
from tests.support.paths import REPOSITORY
from tests.support.telemetry import telemetry

JSON_LINES = {"FLEET__LOGGING__FORMAT": "json"}


def logged(log: Path | str) -> list[dict[str, Any]]:
    """The lines of a log, each of which has to be an object with what every line has."""
    text = log.read_text(encoding="utf-8") if isinstance(log, Path) else log
    lines = [json.loads(line) for line in text.splitlines()]
    for line in lines:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
        assert datetime.fromisoformat(line["time"]).tzinfo is not None
        assert line["level"] in ("debug", "info", "warning", "error")
        assert {"program", "logger", "message"} <= line.keys()
    return lines


def saying(log: Path, text: str) -> list[dict[str, Any]]:
    # The last line may not be whole yet.
    lines = log.read_text(encoding="utf-8").rpartition("\n")[0]
    return [line for line in logged(lines) if text in line["message"]]


def over(broker: Broker, topic: str, **variables: str) -> dict[str, str]:
    """The environment of a program on a broker, with topics of its own."""
    mqtt = broker.settings()
    names = ("enriched", "dead-letter", "alerts", "alert-actions", "rollups", "late", "command", "audit")
    topics = {f"FLEET__TOPICS__{name.upper().replace('-', '_')}": f"{topic}/{name}" for name in names}
    return (
        without_settings()
        | topics
        | JSON_LINES
        | {
            "FLEET__MQTT__HOST": mqtt.host,
            "FLEET__MQTT__PORT": str(mqtt.port),
            "FLEET__MQTT__PROTOCOL": mqtt.protocol,
            "FLEET__MQTT__CLIENT_ID": topic.replace("/", "-"),
            "FLEET__MQTT__RECONNECT_MAX": "0.5",
            "FLEET__TOPICS__TELEMETRY": f"{topic}/telemetry/+",
        }
        | variables
    )


def run(
    *arguments: str, variables: Mapping[str, str], timeout: float = DEADLINE
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=REPOSITORY,
        env=dict(variables),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def test_the_life_of_a_job_is_a_line_for_each_event(
    mosquitto: StartMosquitto, topic: str, tmp_path: Path
) -> None:
    broker, log = mosquitto(), tmp_path / "log"
    with log.open("wb") as output:
        job = subprocess.Popen(
            [sys.executable, "-m", "bytewax.run", "dataflows.fleet"],
            cwd=REPOSITORY,
            env=over(broker, topic),
            stdout=output,
            stderr=output,
        )
    try:
        source = f"subscribed to {topic}/telemetry/+"
        wait_until(lambda: saying(log, source), "the subscription")
        publish(broker.settings(), [(f"{topic}/telemetry/V", b"top secret")] * 3)
        wait_until(lambda: saying(log, "could not be decoded"), "the dead letters")
        broker.stop()
        wait_until(lambda: saying(log, "source: lost"), "the outage")
        broker.start()
        wait_until(lambda: len(saying(log, source)) == 2, "the connection again")
        # A dispatcher's connection and those of the sinks come back on their own.
        job.terminate()
        assert job.wait(DEADLINE) == 0
    finally:
        job.kill()
        job.wait()
    lines = logged(log)
    assert {line["program"] for line in lines} == {"fleet"}
    assert [line["message"] for line in lines if line["logger"] == "fleet"] == [
        "starting without recovery",
        "asked to stop: the sources end, and what has arrived is finished",
        "stopped",
    ]
    (lost,) = saying(log, "source: lost")
    assert lost["level"] == "warning"
    assert lost["broker"] == f"127.0.0.1:{broker.port}"
    assert lost["client"].endswith("-source")
    assert [line["level"] for line in saying(log, source)] == ["info", "info"]
    bad = saying(log, "could not be decoded")
    assert bad[0]["level"] == "warning"
    assert bad[0]["reasons"].keys() == {"not_json"}
    assert bad[0]["topic"] == f"{topic}/dead-letter"
    assert len(bad) == 1, "the others are counted in the next line"
    assert "top secret" not in log.read_text()


def test_a_wrong_setting_is_one_line_of_json(tmp_path: Path) -> None:
    variables = without_settings() | JSON_LINES | {"FLEET__MQTT__PORT": "soon"}
    for arguments, program in (
        (("bytewax.run", "dataflows.fleet"), "fleet"),
        (("bytewax.run", "dataflows.record"), "record"),
        (("bytewax.run", "dataflows.notify"), "notify"),
        (("sim",), "sim"),
        (("dataflows.history", "SELECT 1"), "history"),
    ):
        done = run(*arguments, variables=variables)
        assert done.returncode == 1
        (line,) = logged(done.stderr)
        assert (line["program"], line["level"]) == (program, "error")
        assert "mqtt.port" in line["message"]
        assert done.stdout == ""


def test_the_simulator_says_what_it_has_sent_in_numbers(broker: Broker, topic: str) -> None:
    done = run("sim", "--vehicles", "2", "--duration", "5", variables=over(broker, topic))
    assert (done.returncode, done.stdout) == (0, "")
    first, *_, last = logged(done.stderr)
    assert first["vehicles"] == 2
    assert first["topic"] == f"{topic}/telemetry/+"
    assert last["events"] == 10
    assert last["message"].startswith("10 events sent")


def test_the_level_is_a_setting_and_debug_names_each_epoch(tmp_path: Path) -> None:
    trip = tmp_path / "trip.jsonl"
    trip.write_bytes(b"\n".join(telemetry(41)) + b"\n")
    variables = (
        without_settings()
        | JSON_LINES
        | {
            "FLEET__SOURCE__KIND": "recording",
            "FLEET__SINK__KIND": "recording",
            "FLEET__RECORDING__INPUT": str(trip),
            "FLEET__RECORDING__RESULTS": str(tmp_path / "results"),
            "FLEET__RECORDING__BATCH_SIZE": "10",
        }
    )
    levels = {}
    for level in ("debug", "info", "error"):
        recovery = tmp_path / level
        recovery.mkdir()
        init_db_dir(recovery, 1)
        job = ("bytewax.run", "dataflows.fleet", "-r", str(recovery), "-s", "0", "-b", "0")
        done = run(*job, variables=variables | {"FLEET__LOGGING__LEVEL": level})
        assert done.returncode == 0, done.stderr
        levels[level] = logged(done.stderr)
    assert levels["error"] == []
    assert {line["level"] for line in levels["info"]} == {"info"}
    assert any("epoch" in line["message"] and line["step"] == "telemetry" for line in levels["debug"])


def test_an_unexpected_error_is_a_line_with_its_traceback(tmp_path: Path) -> None:
    program = (
        "from config.logs import configure_logging\nimport threading\nconfigure_logging('x')\n"
        "thread = threading.Thread(target=lambda: 1 / 0)\nthread.start()\nthread.join()\n"
        "import warnings\nwarnings.warn('old')\nraise ValueError('why')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=REPOSITORY,
        env=without_settings() | JSON_LINES,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert done.returncode == 1
    in_thread, warning, uncaught = map(json.loads, done.stderr.splitlines())
    assert in_thread["exception"].endswith("ZeroDivisionError: division by zero")
    assert (warning["level"], warning["logger"]) == ("warning", "py.warnings")
    assert uncaught["level"] == "critical"
    assert uncaught["exception"].endswith("ValueError: why")


def test_at_a_terminal_it_is_text_and_elsewhere_json() -> None:
    variables = without_settings() | {"FLEET__MQTT__PORT": "soon"}
    del variables["FLEET__LOGGING__FORMAT"]
    assert logged(run("sim", variables=variables).stderr)[0]["level"] == "error"
    ours, theirs = pty.openpty()
    try:
        program = subprocess.Popen(
            [sys.executable, "-m", "sim"], cwd=REPOSITORY, env=variables, stderr=theirs
        )
        assert program.wait(DEADLINE) == 1
        assert os.read(ours, 10_000).startswith(b"sim: ")
    finally:
        os.close(ours)
        os.close(theirs)


def test_the_page_and_its_server_log_json_and_no_requests(broker: Broker, topic: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with page(broker.settings(), topic, log, free_port(), **JSON_LINES) as address:
        urlopen(f"{address}/?code=secret-code", timeout=DEADLINE).close()
    lines = logged(log)
    assert {line["program"] for line in lines} == {"page"}
    assert any("answers to this machine only" in line["message"] for line in lines)
    assert "secret-code" not in log.read_text()
