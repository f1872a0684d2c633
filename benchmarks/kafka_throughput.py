"""How fast the job is from Kafka to Kafka: ``python -m benchmarks.kafka_throughput``."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np
from bytewax.recovery import init_db_dir
from confluent_kafka import Consumer, KafkaException, TopicPartition
from rich.console import Console
from rich.progress import track
from rich.table import Table

from config.broker_settings import KafkaSettings
from config.errors import BrokerError, exit_in_one_line
from config.settings import load
from dataflows.connectors.kafka_producer import ConfirmedProducer
from dataflows.connectors.kafka_topics import ensure_topics
from scripts import kafka
from scripts.ports import LOCALHOST, free_port

REPOSITORY = Path(__file__).resolve().parent.parent
EVENTS = 300_000
VEHICLES = 1_000
SIGNALS = 8
PARTITIONS = 4
REPETITIONS = 3
TELEMETRY = "benchmark.telemetry"
START = datetime(2026, 1, 1, tzinfo=UTC)
TIME_TO_START = 60.0
TIME_TO_FINISH = 300.0

EXAMPLES = """
A recorded stream is in a topic of 4 partitions; the job reads it from the beginning, as fast as it goes,
with recovery on. Clocked is from its first enriched event in Kafka to its last. "without scoring" is the
same flow that does not ask the detector: the limit of engine, codecs and broker. Broker and job share the
machine's cores.

examples:
  python -m benchmarks.kafka_throughput
  python -m benchmarks.kafka_throughput --events 1000000 --repetitions 5 --json
"""


@dataclass(frozen=True, slots=True)
class Case:
    """One way of running the job.

    Attributes:
        flow: module of the dataflow.
        processes: how many share the partitions.
    """

    flow: str
    processes: int

    @property
    def name(self) -> str:
        scored = "scored" if self.flow == "dataflows.fleet" else "without scoring"
        return f"{scored}, {self.processes} process{'es' if self.processes > 1 else ''}"


CASES = tuple(Case(flow, number) for number in (1, 2) for flow in ("dataflows.fleet", "benchmarks.unscored"))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    options = _parser().parse_args(arguments)
    with exit_in_one_line("benchmarks.kafka_throughput"), _broker() as bootstrap:
        settings = load().kafka.model_copy(update={"bootstrap": bootstrap, "partitions": PARTITIONS})
        payloads = telemetry(options.events)
        size = statistics.mean(map(len, payloads[:1000]))
        ensure_topics(settings, [TELEMETRY])
        producer = ConfirmedProducer(settings, "benchmark")
        producer.publish(TELEMETRY, [f"VEH-{n % VEHICLES:04d}" for n in range(options.events)], payloads)
        producer.close()
        speeds: dict[Case, list[float]] = {case: [] for case in CASES}
        runs = [case for _ in range(options.repetitions) for case in CASES]
        for number, case in enumerate(
            track(runs, "measuring", console=Console(stderr=True), transient=True), start=1
        ):
            speeds[case].append(measure(settings, case, f"benchmark.enriched-{number}", options.events))
    medians = {case: statistics.median(found) for case, found in speeds.items()}
    if options.json:
        print(json.dumps(_report(medians), indent=1))
        return
    table = Table(
        title=f"{options.events:,} events of {size:.0f} bytes, {SIGNALS} signals, {VEHICLES:,} vehicles"
    )
    for title in ("Kafka to Kafka", "events/s", "of without scoring", "of one process"):
        table.add_column(title, justify="left" if title == "Kafka to Kafka" else "right")
    for case, speed in medians.items():
        limit = medians[Case("benchmarks.unscored", case.processes)]
        alone = medians[Case(case.flow, 1)]
        table.add_row(case.name, f"{speed:,.0f}", f"{speed / limit:.2f}", f"{speed / alone:.2f}")
    Console(width=None if sys.stdout.isatty() else 100).print(table)


def telemetry(events: int) -> list[bytes]:
    """Events of vehicles that take turns, one a second each, with correlated signals."""
    random = np.random.default_rng(0)
    mixing = random.normal(size=(SIGNALS, SIGNALS))
    values = np.round(50.0 + 10.0 * random.normal(size=(65_536, SIGNALS)) @ mixing, 3).tolist()
    names = [f"signal_{number}" for number in range(SIGNALS)]
    encode = msgspec.json.Encoder().encode
    times = [(START + timedelta(seconds=second)).isoformat() for second in range(events // VEHICLES + 1)]
    return [
        encode(
            {"vehicle_id": f"VEH-{n % VEHICLES:04d}", "ts": times[n // VEHICLES]}
            | dict(zip(names, values[n % len(values)], strict=True))
        )
        for n in range(events)
    ]


def measure(settings: KafkaSettings, case: Case, enriched: str, events: int) -> float:
    """Run the job once from the beginning of the topic to its end; returns events per second.

    Raises:
        BrokerError: the job ended, or did not finish in time.
    """
    ensure_topics(settings, [enriched])
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "settings.toml"
        file.write_text(_settings_of(settings, enriched))
        recovery = Path(directory) / "recovery"
        recovery.mkdir()
        init_db_dir(recovery, 1)
        command = [sys.executable, "-m", "bytewax.run", case.flow, "-r", str(recovery), "-s", "10", "-b", "0"]
        addresses = ";".join(f"{LOCALHOST}:{free_port()}" for _ in range(case.processes))
        log = Path(directory) / "log"
        with log.open("wb") as output:
            processes = [
                subprocess.Popen(
                    [*command, *(["-i", str(number), "-a", addresses] if case.processes > 1 else [])],
                    cwd=REPOSITORY,
                    env=os.environ | {"FLEET_CONFIG": str(file), "RUST_BACKTRACE": "0"},
                    stdout=output,
                    stderr=output,
                )
                for number in range(case.processes)
            ]
        try:
            return _speed(settings, enriched, events, processes)
        except BrokerError as error:
            raise BrokerError(f"{error}; it said: {log.read_text()[-500:]}") from None
        finally:
            for process in processes:
                process.kill()
                process.wait()


def _speed(
    settings: KafkaSettings, topic: str, events: int, processes: Sequence[subprocess.Popen[bytes]]
) -> float:
    """Events per second between the first and the last message of a topic that is being written."""
    consumer = Consumer({"bootstrap.servers": settings.bootstrap, "group.id": "benchmark", "log_level": 0})
    partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
    deadline = time.monotonic() + TIME_TO_FINISH
    ends = [0]
    while sum(ends) < events:
        if time.monotonic() > deadline or any(process.poll() is not None for process in processes):
            raise BrokerError(f"expected {events:,} enriched events, got {sum(ends):,} before the job ended")
        time.sleep(0.1)
        # A topic that was made just now may not have its leaders yet.
        with suppress(KafkaException):
            ends = [consumer.get_watermark_offsets(partition, 10)[1] for partition in partitions]
    first = min(_timestamp(consumer, topic, number, 0) for number, end in enumerate(ends) if end)
    last = max(_timestamp(consumer, topic, number, end - 1) for number, end in enumerate(ends) if end)
    consumer.close()
    return events / (last - first)


def _timestamp(consumer: Consumer, topic: str, partition: int, offset: int) -> float:
    """When a message was published, seconds since 1970."""
    consumer.assign([TopicPartition(topic, partition, offset)])
    message = consumer.poll(TIME_TO_START)
    if message is None or message.error():
        raise BrokerError(f"expected message {offset} of {topic}/{partition}, got none")
    return message.timestamp()[1] / 1000


def _settings_of(settings: KafkaSettings, enriched: str) -> str:
    signals = "".join(f'[signals.signal_{n}]\npointer = "/signal_{n}"\n' for n in range(SIGNALS))
    return f"""
[source]
kind = "kafka"
[sink]
kind = "kafka"
[topics]
telemetry = "{TELEMETRY}"
enriched = "{enriched}"
dead_letter = "benchmark.dead-letter"
[kafka]
bootstrap = "{settings.bootstrap}"
group = "{enriched}"
[payload]
sequence = ""
{signals}"""


@contextmanager
def _broker() -> Iterator[str]:
    """A broker of our own, or the one of ``KAFKA_BOOTSTRAP``; yields its address."""
    known = os.environ.get("KAFKA_BOOTSTRAP")
    if known:
        yield known
        return
    port = free_port()
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "scripts.kafka", "--port", str(port)],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            stderr=log,
        )
        try:
            if process.stdout is None or not process.stdout.readline():
                log.seek(0)
                raise BrokerError(log.read().decode().strip())
            yield f"{LOCALHOST}:{port}"
        finally:
            process.terminate()
            process.wait()
            shutil.rmtree(kafka.WORK / str(port), ignore_errors=True)


def _report(medians: dict[Case, float]) -> dict[str, dict[str, float]]:
    return {
        f"kafka_{case.processes}_process{'es' if case.processes > 1 else ''}": {
            "events_per_second": round(speed),
            "limit_events_per_second": round(medians[Case("benchmarks.unscored", case.processes)]),
            "ratio": round(speed / medians[Case("benchmarks.unscored", case.processes)], 3),
        }
        for case, speed in medians.items()
        if case.flow == "dataflows.fleet"
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.kafka_throughput",
        description="Measure the job from Kafka to Kafka, beside the same flow without scoring.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--events", type=int, default=EVENTS, metavar="N", help="to process (%(default)s)")
    parser.add_argument(
        "--repetitions", type=int, default=REPETITIONS, metavar="N", help="of each case (%(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser


if __name__ == "__main__":
    main()
