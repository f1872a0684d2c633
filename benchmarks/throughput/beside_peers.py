"""Runs the peers of `benchmarks.throughput.peers` on the job's stream, in turns with the job."""

from __future__ import annotations

import json
import statistics
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from benchmarks.throughput.figures import Report, Scale, times_slower
from benchmarks.throughput.in_process import SCORED, clock
from benchmarks.throughput.kafka import SCORED as KAFKA_FLOW
from benchmarks.throughput.kafka import Case, empty_topic, filled_topic, kafka_settings, run
from benchmarks.throughput.process import REPOSITORY, running
from benchmarks.throughput.stream import Stream
from config.broker_settings import KafkaSettings
from config.errors import BrokerError, FleetError, SettingsError

INTERPRETER = REPOSITORY / ".benchmarks" / "peers" / "bin" / "python"
SHARE_OF_EVENTS = 10
"""The scale's number of events is divided by this for a peer: peers are slower."""
FEWEST_EVENTS = 1_000
EVENTS_PER_VEHICLE = 30
"""At least, so that fewer events mean fewer vehicles.

Half-space trees give no scores in their first window of 5 events, which must be over when the measurement
starts, after a fifth of the events.
"""
MOST_VEHICLES = 1_000
IN_PROCESS, KAFKA = "in_process", "kafka"


@dataclass(frozen=True, slots=True)
class Peer:
    """Another way to do the job.

    Attributes:
        script: module in `benchmarks.throughput.peers`.
        detector: name as in `benchmarks.throughput.peers.scorers.scorer`.
        than: the part that it is compared with: `IN_PROCESS`, or `KAFKA` for peers that can only read from
            Kafka.
        events_per_vehicle: at least this many, with fewer vehicles if necessary.
    """

    script: str
    detector: str
    than: str
    events_per_vehicle: int = EVENTS_PER_VEHICLE


PEERS = {
    "bytewax_river": Peer("bytewax_river", "river", IN_PROCESS),
    # Their first window is 250 events.
    "bytewax_river_large": Peer("bytewax_river", "river_large", IN_PROCESS, events_per_vehicle=1_500),
    "pathway_river": Peer("pathway_table", "river", IN_PROCESS),
    "http_autoencoder": Peer("http_service", "", IN_PROCESS),
    "quix_river": Peer("quix_streams", "river", KAFKA),
    "quix_our_detector": Peer("quix_streams", "ours", KAFKA),
    "faust_river": Peer("faust_agent", "river", KAFKA),
    "faust_our_detector": Peer("faust_agent", "ours", KAFKA),
}


@dataclass(frozen=True, slots=True)
class Measured:
    """The results of all runs.

    Attributes:
        speeds: name of a peer or part → events per second of each run.
        failures: name of a peer → why it cannot run.
    """

    speeds: Mapping[str, Sequence[float]]
    failures: Mapping[str, str]

    def report(self) -> Report:
        """The part ``peers``: those that ran, each compared with a part of ours.

        Raises:
            BrokerError: no peer ran.
        """
        ran = {
            name: peer for name, peer in PEERS.items() if name in self.speeds and name not in self.failures
        }
        if not ran:
            raise BrokerError(
                f"expected peers to run, none did: {next(iter(self.failures.values()), 'no peer')}"
            )
        medians = {name: statistics.median(speeds) for name, speeds in self.speeds.items() if speeds}
        return {
            "peers": {name: times_slower(medians[name], medians[peer.than]) for name, peer in ran.items()}
        }


def peers(scale: Scale) -> Report:
    """The part ``peers``, in turns with the job; peers that cannot run are reported with the reason.

    Raises:
        SettingsError: the peers are not installed.
        BrokerError: the job fails, or every peer fails.
    """
    if not INTERPRETER.exists():
        raise SettingsError(f"expected peers in {INTERPRETER.parents[1]}, found none; run make bench-peers")
    stream, short = Stream(scale.events), _short(scale.events, EVENTS_PER_VEHICLE)
    failures: dict[str, str] = {}
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        recording = stream.record(directory)
        cases: dict[str, Callable[[], float]] = {
            IN_PROCESS: lambda: clock(SCORED, recording, stream).events_per_second
        }
        settings, topic = None, ""
        try:
            with scale.notes.status("peers: filling the topics"):
                broker = stack.enter_context(kafka_settings())
                telemetry = stack.enter_context(filled_topic(broker, stream))
                topic = stack.enter_context(filled_topic(broker, short))
            settings = broker
            cases[KAFKA] = lambda: run(broker, Case(KAFKA_FLOW, 1), telemetry, stream)
        except FleetError as error:
            for name in (name for name, peer in PEERS.items() if peer.than == KAFKA):
                _fail(name, error, failures, scale)
        for name, peer in PEERS.items():
            if name not in failures:
                given = _short(scale.events, peer.events_per_vehicle)
                cases[name] = _case(peer, given.record(directory), given, settings, topic)
        return Measured(_speeds(cases, failures, scale), failures).report()


def _speeds(
    cases: Mapping[str, Callable[[], float]], failures: dict[str, str], scale: Scale
) -> dict[str, list[float]]:
    """Run all cases in turns; peers that fail are added to `failures`, and left out from then on."""
    speeds: dict[str, list[float]] = {name: [] for name in cases}
    with scale.notes.status("") as status:
        for repetition in range(scale.repetitions):
            for name, case in cases.items():
                if name in failures:
                    continue
                status.update(f"peers: {name}, run {repetition + 1} of {scale.repetitions}")
                try:
                    speeds[name].append(case())
                except FleetError as error:
                    # A peer may fail in any way; the others are still measured.
                    if name not in PEERS:
                        raise
                    _fail(name, error, failures, scale)
    return speeds


def _fail(name: str, error: FleetError, failures: dict[str, str], scale: Scale) -> None:
    failures[name] = str(error)
    scale.notes.print(f"{name} cannot run: {error}", style="yellow", markup=False)


def _short(events: int, events_per_vehicle: int) -> Stream:
    """A peer's share of a stream of `events` events."""
    events = max(events // SHARE_OF_EVENTS, FEWEST_EVENTS)
    return Stream(events, vehicles=min(MOST_VEHICLES, max(1, events // events_per_vehicle)))


def _case(
    peer: Peer, recording: Path, stream: Stream, settings: KafkaSettings | None, topic: str
) -> Callable[[], float]:
    """A run of a peer.

    Args:
        peer: what to run.
        recording: recording of the stream.
        stream: the stream.
        settings: settings of a broker that has the stream, if there is one.
        topic: its topic with the stream; results go to ``TOPIC.NAME``.
    """

    def measure() -> float:
        name = f"peer-{uuid4().hex[:12]}"
        bootstrap = ""
        with ExitStack() as stack:
            directory = stack.enter_context(tempfile.TemporaryDirectory())
            if settings is not None and peer.than == KAFKA:
                bootstrap = settings.bootstrap
                stack.enter_context(empty_topic(settings, f"{topic}.{name}"))
            result = Path(directory) / "result.json"
            options = {
                "recording": recording,
                "events": stream.events,
                "result": result,
                "detector": peer.detector,
                "bootstrap": bootstrap,
                "topic": topic,
                "name": name,
            }
            arguments = [f"--{option}={value}" for option, value in options.items()]
            script = f"benchmarks.throughput.peers.{peer.script}"
            with running(["-m", script, *arguments], interpreter=INTERPRETER) as job:
                job.wait()
                if not result.exists():
                    raise BrokerError(
                        f"expected {script} to write its result, it did not; its output: {job.reason()}"
                    )
            found = json.loads(result.read_text())
        if found["seconds"] <= 0 or not found["events"]:
            raise BrokerError(
                f"{script} processed {stream.events:,} events too fast to measure; raise --events"
            )
        return float(found["events"] / found["seconds"])

    return measure
