"""The peers of `benchmarks.throughput.peers` on the stream of the job, in turns with it."""

from __future__ import annotations

import json
import statistics
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from benchmarks.throughput.figures import Report, Scale, times_slower
from benchmarks.throughput.in_process import SCORED, clock
from benchmarks.throughput.kafka import Case, filled_topic, publish, run
from benchmarks.throughput.process import REPOSITORY, running
from benchmarks.throughput.stream import Stream
from config.broker_settings import KafkaSettings
from config.errors import BrokerError, FleetError
from dataflows.connectors.kafka_topics import ensure_topics

INTERPRETER = REPOSITORY / ".benchmarks" / "peers" / "bin" / "python"
SHARE_OF_EVENTS = 10
"""A peer gets the scale's events divided by this: peers are slower."""
TOPIC = "benchmark.peers"
IN_PROCESS, KAFKA = "in_process", "kafka"


@dataclass(frozen=True, slots=True)
class Peer:
    """Another way to do the job.

    Attributes:
        script: module in `benchmarks.throughput.peers`.
        detector: ``river`` or ``ours``.
        than: the part that it is compared with: `IN_PROCESS`, or `KAFKA` for what only reads from there.
    """

    script: str
    detector: str
    than: str


PEERS = {
    "bytewax_river": Peer("bytewax_river", "river", IN_PROCESS),
    "pathway_river": Peer("pathway_table", "river", IN_PROCESS),
    "http_autoencoder": Peer("http_service", "", IN_PROCESS),
    "quix_river": Peer("quix_streams", "river", KAFKA),
    "quix_our_detector": Peer("quix_streams", "ours", KAFKA),
    "faust_river": Peer("faust_agent", "river", KAFKA),
    "faust_our_detector": Peer("faust_agent", "ours", KAFKA),
}


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of all runs.

    Attributes:
        speeds: name of a peer or part → events per second, each run.
        failures: name of a peer → why it cannot run.
    """

    speeds: Mapping[str, Sequence[float]]
    failures: Mapping[str, str]

    def report(self) -> Report:
        """The part ``peers``, each beside the part it is compared with."""
        peers: dict[str, dict[str, Any]] = {}
        for name, peer in PEERS.items():
            if name in self.failures:
                peers[name] = {"cannot_run": self.failures[name]}
            elif name in self.speeds:
                speed, ours = (statistics.median(self.speeds[key]) for key in (name, peer.than))
                peers[name] = times_slower(speed, ours) | {"than": peer.than}
        return {"peers": peers}


def peers(scale: Scale) -> Report:
    """The part ``peers``. The job takes its turns with them; what cannot run is said, with the reason."""
    if not INTERPRETER.exists():
        reason = "not installed: make bench-peers"
        return Measured({}, dict.fromkeys(PEERS, reason)).report()
    stream, short = Stream(scale.events), Stream(max(scale.events // SHARE_OF_EVENTS, 1_000))
    speeds: dict[str, list[float]] = {}
    failures: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as directory, _kafka(stream, short, scale, failures) as settings:
        recording, short_recording = stream.record(Path(directory)), short.record(Path(directory))
        numbers = count(1)
        cases: dict[str, Callable[[], float]] = {
            IN_PROCESS: lambda: clock(SCORED, recording, stream).events_per_second
        }
        if settings is not None:
            job = Case("dataflows.fleet", 1)
            cases[KAFKA] = lambda: run(settings, job, f"benchmark.beside-{next(numbers)}", stream)
        for name, peer in PEERS.items():
            if settings is not None or peer.than != KAFKA:
                cases[name] = _case(peer, short_recording, short, settings, numbers)
        with scale.notes.status("") as status:
            for repetition in range(scale.repetitions):
                for name, case in cases.items():
                    if name in failures:
                        continue
                    status.update(f"peers: {name}, run {repetition + 1} of {scale.repetitions}")
                    try:
                        speeds.setdefault(name, []).append(case())
                    except FleetError as error:
                        # Somebody else's program may fail in any way; the others still count.
                        if name not in PEERS:
                            raise
                        failures[name] = str(error)
                        scale.notes.print(f"{name} cannot run: {error}", style="yellow", markup=False)
    return Measured(speeds, failures).report()


def _case(
    peer: Peer, recording: Path, stream: Stream, settings: KafkaSettings | None, numbers: Iterator[int]
) -> Callable[[], float]:
    def measure() -> float:
        name = f"peer-{next(numbers)}"
        if settings is not None and peer.than == KAFKA:
            ensure_topics(settings, [f"{TOPIC}.{name}"])
        with tempfile.TemporaryDirectory() as directory:
            result = Path(directory) / "result.json"
            options = {
                "recording": recording,
                "events": stream.events,
                "result": result,
                "detector": peer.detector,
                "bootstrap": settings.bootstrap if settings is not None else "",
                "topic": TOPIC,
                "name": name,
            }
            arguments = [f"--{option}={value}" for option, value in options.items()]
            script = f"benchmarks.throughput.peers.{peer.script}"
            with running(["-m", script, *arguments], interpreter=INTERPRETER) as job:
                job.wait()
                if not result.exists():
                    raise BrokerError(
                        f"expected {script} to measure itself, it did not; it said: {job.reason()}"
                    )
            found = json.loads(result.read_text())
        return float(found["events"] / found["seconds"])

    return measure


@contextmanager
def _kafka(
    stream: Stream, short: Stream, scale: Scale, failures: dict[str, str]
) -> Iterator[KafkaSettings | None]:
    """A broker with both streams, or ``None`` and a reason for each peer that needs one."""
    with ExitStack() as stack:
        settings = None
        try:
            settings = stack.enter_context(filled_topic(stream, scale))
            publish(settings, TOPIC, short)
        except FleetError as error:
            failures.update({name: str(error) for name, peer in PEERS.items() if peer.than == KAFKA})
        yield settings
