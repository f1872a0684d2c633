"""The job under twice the load of the demo for an hour: ``make soak`` (SOAK_SECONDS=600 for less).

Broker, job with recovery and simulator run as in production. At the end every published event must have been
emitted, and neither memory nor the recovery directory may still be growing.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec
import paho.mqtt.client as paho
from bytewax.recovery import init_db_dir
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from config.broker_settings import MqttSettings
from config.errors import BrokerError, DeliveryError, FleetError, SettingsError, exit_on_error
from config.settings import load
from scripts.brokers.embedded import EmbeddedBroker
from scripts.brokers.mosquitto import Mosquitto, mosquitto_is_installed
from scripts.brokers.process import Broker
from scripts.soak_report import MEBIBYTE, Sample, SoakReport

ROOT = Path(__file__).resolve().parents[1]
HOUR = 3600.0
TIMES_THE_DEMO = 2
SNAPSHOT_INTERVAL = "10"
"""Seconds, as an argument of the engine."""

SAMPLES = 240
SHORTEST = 10.0
"""Seconds; in less there are too few samples to judge."""

TIME_TO_START = 120.0
"""Seconds within which broker, job and simulator must each be ready."""

TIME_TO_DRAIN = 30.0
"""Seconds within which the job must emit what is left when the simulator has stopped."""

POLL = 0.05
"""Seconds between checks of a condition."""


class _Identified(msgspec.Struct):
    event_id: str


class Counter:
    """Counts the events on the telemetry topic and on the enriched topic."""

    def __init__(self, mqtt: MqttSettings, telemetry: str, enriched: str) -> None:
        self.published = 0
        self._emitted: set[str] = set()
        self._ids = msgspec.json.Decoder(_Identified)
        self._enriched = enriched
        self._subscribed = threading.Event()
        version_5 = mqtt.protocol == "5"
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id="soak",
            protocol=MQTTProtocolVersion.MQTTv5 if version_5 else MQTTProtocolVersion.MQTTv311,
        )
        self._client.on_connect = lambda client, *_: client.subscribe([(telemetry, 1), (f"{enriched}/+", 1)])
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._count
        self._client.connect(mqtt.host, mqtt.port)
        self._client.loop_start()
        if not self._subscribed.wait(TIME_TO_START):
            raise BrokerError(
                f"expected the MQTT broker to confirm a subscription within {TIME_TO_START:g} s, it did not"
            )

    @property
    def emitted(self) -> int:
        """Number of events emitted, each counted once."""
        return len(self._emitted)

    def _count(self, client: paho.Client, userdata: object, message: paho.MQTTMessage) -> None:
        if message.topic.startswith(f"{self._enriched}/"):
            self._emitted.add(self._ids.decode(message.payload).event_id)
        else:
            self.published += 1

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the soak test and print its report.

    Raises:
        SystemExit: status 1 if an event was lost, memory or the recovery directory grew, or a process exited.
    """
    parser = argparse.ArgumentParser(
        prog="python -m scripts.soak",
        description=__doc__,
        epilog="example:\n  python -m scripts.soak --seconds 600 --vehicles 200",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    demo = load().simulator.vehicles
    parser.add_argument("--seconds", type=float, default=HOUR, help="duration (default: %(default)g)")
    parser.add_argument(
        "--vehicles",
        type=int,
        default=TIMES_THE_DEMO * demo,
        help="size of the fleet, one event per second each (default: %(default)d)",
    )
    options = parser.parse_args(arguments)
    with exit_on_error("soak"), tempfile.TemporaryDirectory() as directory:
        if options.seconds < SHORTEST:
            raise SettingsError(f"--seconds: expected at least {SHORTEST:g}, got {options.seconds:g}")
        report = SoakReport(soak(Path(directory), options.seconds, options.vehicles))
        print(*report.lines(), sep="\n")
        if problems := report.problems():
            raise DeliveryError(f"expected a job that could run forever, but {'; '.join(problems)}")


def soak(directory: Path, seconds: float, vehicles: int) -> list[Sample]:
    """Run broker, job and simulator, and sample the job.

    Args:
        directory: an empty one.
        seconds: how long, from the first emitted event.
        vehicles: size of the fleet; each sends one event per second.

    Returns:
        the samples in order of time; the last one is from after the simulator has stopped and the job has
        emitted what was left.

    Raises:
        FleetError: a process exited, or nothing was emitted.
    """
    recovery = directory / "recovery"
    recovery.mkdir()
    init_db_dir(recovery, 1)
    with ExitStack() as stack:
        broker = _broker(directory)
        broker.start()
        stack.callback(broker.stop)
        mqtt = broker.settings()
        ours = {name: value for name, value in os.environ.items() if not name.startswith("FLEET_")}
        environment = ours | {
            "FLEET__MQTT__HOST": mqtt.host,
            "FLEET__MQTT__PORT": str(mqtt.port),
            "FLEET__MQTT__PROTOCOL": mqtt.protocol,
            "FLEET__SIMULATOR__VEHICLES": str(vehicles),
        }
        topics = load().topics
        counter = Counter(mqtt, topics.telemetry_template.filter, topics.enriched)
        stack.callback(counter.close)
        sign = f"subscribed to {topics.telemetry_template.filter}"
        flow = ["bytewax.run", "dataflows.fleet", "-r", str(recovery), "-s", SNAPSHOT_INTERVAL, "-b", "0"]
        job = stack.enter_context(_running(flow, environment, directory / "job.log"))
        _wait(
            lambda: sign in (directory / "job.log").read_text(),
            "the job to subscribe",
            directory,
            job,
        )
        simulator = stack.enter_context(_running(["sim"], environment, directory / "simulator.log"))
        _wait(lambda: counter.emitted > 0, "the job to emit an event", directory, job, simulator)
        samples = list(_sampled(seconds, recovery, counter, job, simulator))
        simulator.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + TIME_TO_DRAIN
        while counter.emitted < counter.published and time.monotonic() < deadline:
            time.sleep(POLL)
        samples.append(_sample(samples[-1].at, recovery, counter, job))
    return samples


def _broker(directory: Path) -> Broker:
    place = directory / "broker"
    place.mkdir()
    return Mosquitto(place) if mosquitto_is_installed() else EmbeddedBroker(place)


@contextmanager
def _running(
    module: Sequence[str], environment: dict[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *module], cwd=ROOT, env=environment, stdout=output, stderr=output
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _wait(
    condition: Callable[[], bool], what: str, directory: Path, *processes: subprocess.Popen[bytes]
) -> None:
    deadline = time.monotonic() + TIME_TO_START
    while not condition():
        _check_running(directory, *processes)
        if time.monotonic() > deadline:
            raise FleetError(f"expected {what} within {TIME_TO_START:g} s, it did not")
        time.sleep(POLL)


def _check_running(directory: Path, *processes: subprocess.Popen[bytes]) -> None:
    for process in processes:
        if process.poll() is not None:
            logs = "".join(log.read_text()[-1000:] for log in directory.glob("*.log"))
            raise FleetError(
                f"expected {process.args!r} to keep running, it exited with status {process.returncode}; "
                f"the logs end with:\n{logs}"
            )


def _sampled(
    seconds: float,
    recovery: Path,
    counter: Counter,
    job: subprocess.Popen[bytes],
    simulator: subprocess.Popen[bytes],
) -> Iterator[Sample]:
    started, step = time.monotonic(), seconds / SAMPLES
    columns = (BarColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=seconds)
        for number in range(SAMPLES + 1):
            while (at := time.monotonic() - started) < number * step:
                _check_running(recovery.parent, job, simulator)
                time.sleep(min(POLL, number * step - at))
            sample = _sample(at, recovery, counter, job)
            status = f"{sample.emitted:,} events, {sample.memory / MEBIBYTE:.0f} MiB"
            progress.update(task, completed=at, description=status)
            yield sample


def _sample(at: float, recovery: Path, counter: Counter, job: subprocess.Popen[bytes]) -> Sample:
    # Linux and macOS have this in common.
    ps = subprocess.run(["ps", "-o", "rss=", "-p", str(job.pid)], capture_output=True, text=True)
    store = sum(file.stat().st_size for file in recovery.iterdir())
    emitted = counter.emitted
    if not ps.stdout.strip():
        raise FleetError(f"expected ps to print the memory of process {job.pid}, got: {ps.stderr.strip()}")
    return Sample(at, int(ps.stdout) * 1024, store, counter.published, emitted)


if __name__ == "__main__":
    main()
