"""The job: ``python -m bytewax.run dataflows.fleet``.

    telemetry ──► decode ──► shard ──► score ──► encode ──► enriched
                    │
                    └──► dead letters

With recovery (``-r DIR -s SECONDS -b SECONDS``) it resumes where it stopped: every event reaches the enriched
topic or the dead letters at least once, and a replayed event has the same id and the same scores. SIGTERM
shuts it down cleanly, after a last snapshot.
"""

from __future__ import annotations

from collections.abc import Callable

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import Source

from config.settings import Settings, load
from dataflows.connectors.endpoints import deliver, telemetry_source
from dataflows.decode import Decoded, Decoder, TelemetryBatch
from dataflows.decode.dead_letters import DeadLetterLimit, encode_dead_letters
from dataflows.decode.signal_watch import SignalWatch
from dataflows.encode import Encoder
from dataflows.job import job
from dataflows.job.stopping import with_graceful_shutdown
from dataflows.messages import MessageBatch, OutgoingBatch
from dataflows.score.shard import split
from dataflows.score.step import check_snapshots, score

# Flow and step ids are keys in the recovery store: under a new id a job does not find its state.
FLOW = "fleet"
TELEMETRY = "telemetry"
DECODE = "decode"
SHARD = "shard"
SCORE = "score"
UNKEYED = "unkeyed"
ENCODE = "encode"
ENRICHED = "enriched"
BAD = "bad"
DEAD_LETTER = "dead-letter"


def flow() -> Dataflow:
    """The dataflow for the settings in force.

    Raises:
        SystemExit: after one line on standard error, if a setting or the recovery directory is wrong.
    """
    with job(FLOW) as newest_states:
        settings = load()
        check_snapshots(settings, newest_states(SCORE))
        return build(settings, with_graceful_shutdown(FLOW, telemetry_source(settings)))


def build(settings: Settings, source: Source[MessageBatch]) -> Dataflow:
    """Connect the steps of the picture.

    Args:
        settings: all settings.
        source: the telemetry.

    Raises:
        FleetError: a source or sink cannot be built.
    """
    dataflow = Dataflow(FLOW)
    messages = op.input(TELEMETRY, dataflow, source)
    decoded = op.map(DECODE, messages, _decoder(settings))

    events = op.flat_map(SHARD, decoded, _sharder(settings))
    scored = score(SCORE, events, settings)
    enriched = op.map(ENCODE, op.key_rm(UNKEYED, scored), Encoder(settings).encode)
    deliver(ENRICHED, enriched, settings, settings.topics.enriched, by_key=True, retain=True)

    deliver(DEAD_LETTER, op.flat_map(BAD, decoded, _dead_letters), settings, settings.topics.dead_letter)
    return dataflow


def _decoder(settings: Settings) -> Callable[[MessageBatch], Decoded]:
    decoder = Decoder.of(settings)
    limit = DeadLetterLimit(settings.dead_letters)
    watch = SignalWatch(settings.signals)

    def decode(batch: MessageBatch) -> Decoded:
        decoded = decoder.decode(batch)
        watch.count(decoded)
        limit.count(decoded)
        return decoded

    return decode


def _sharder(settings: Settings) -> Callable[[Decoded], list[tuple[str, TelemetryBatch]]]:
    return lambda decoded: split(decoded, settings.detector.shards)


def _dead_letters(decoded: Decoded) -> list[OutgoingBatch]:
    return [encode_dead_letters(decoded.dead_letters)] if decoded.dead_letters else []
