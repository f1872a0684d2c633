"""The job: ``python -m bytewax.run dataflows.fleet``.

    telemetry ──► decode ──► shard ──► score ──► encode ──► enriched
                    │                    ├─────► roll up ──► rollups, late events
                    │                    └─────► alert ──► alerts
                    └──► dead letters              ▲
                              ▲                    │
    alert actions ──► read ───┴────────────────────┘

With recovery (``-r DIR -s SECONDS -b SECONDS``) it resumes where it stopped: every event reaches the enriched
topic or the dead letters at least once, and a replayed event has the same id and the same scores. SIGTERM
shuts it down cleanly, after a last snapshot.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import bytewax.operators as op
from bytewax.dataflow import Dataflow, Stream
from bytewax.inputs import Source
from bytewax.operators import KeyedStream

from config.settings import Settings, load
from dataflows.alert.actions import ReadActions, read_actions
from dataflows.alert.fleet_silence import fleet_silence
from dataflows.alert.step import Item, alert, check_alert_snapshots
from dataflows.clock import SECOND
from dataflows.compiled import compile_in_background
from dataflows.connectors.endpoints import actions_source, deliver, telemetry_source
from dataflows.decode import Decoded, Decoder, TelemetryBatch
from dataflows.decode.dead_letter_log import DeadLetterLog
from dataflows.decode.dead_letters import DeadLetterLimit, count_dead_letters, encode_dead_letters
from dataflows.decode.signal_watch import SignalWatch
from dataflows.decode.unknown_fields import UnknownFields
from dataflows.encode import Encoder
from dataflows.job import job
from dataflows.job.monitoring import monitor
from dataflows.job.stopping import with_graceful_shutdown
from dataflows.job.watched_source import WatchedSource
from dataflows.messages import MessageBatch, OutgoingBatch
from dataflows.metrics import LATENCY
from dataflows.rollup.step import check_rollup_snapshots, roll_up
from dataflows.score.scorer import ScoredBatch
from dataflows.score.shard import shard_key, split
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
ACTIONS = "alert-actions"
READ = "read"
ALERT = "alert"
SILENCE = "fleet-silence"
ALERTS = "alerts"
ROLL_UP = "roll-up"
ROLLUPS = "rollups"
LATE = "late"
BAD = "bad"
DEAD_LETTER = "dead-letter"


def flow() -> Dataflow:
    """The dataflow for the settings in force.

    Raises:
        SystemExit: after one line on standard error, if a setting or the recovery directory is wrong.
    """
    with job(FLOW) as newest_states:
        settings = load()
        monitor(FLOW, settings.monitoring)
        if settings.source.kind != "recording":
            compile_in_background()
        check_snapshots(settings, newest_states(SCORE))
        check_alert_snapshots(settings, newest_states(ALERT))
        check_rollup_snapshots(settings, newest_states(ROLL_UP))
        telemetry = with_graceful_shutdown(FLOW, WatchedSource(telemetry_source(settings)))
        actions = actions_source(settings, ACTIONS) if settings.alerts.enabled else None
        # Over Kafka, every partition is a shard.
        shards = len(telemetry.list_parts()) if settings.source.kind == "kafka" else None
        beside = None if actions is None else telemetry.beside(WatchedSource(actions, may_be_silent=True))
        return build(settings, telemetry, beside, shards, ends=lambda: not telemetry.has_been_stopped)


def build(
    settings: Settings,
    source: Source[MessageBatch],
    actions: Source[MessageBatch] | None = None,
    shards: int | None = None,
    *,
    ends: Callable[[], bool] = lambda: True,
) -> Dataflow:
    """Connect the steps of the picture.

    Args:
        settings: all settings.
        source: the telemetry.
        actions: what people do about alerts; ``None`` where nobody can.
        shards: number of shards; ``None`` for that of the settings.
        ends: when the telemetry ends, says whether it does so for good.

    Raises:
        FleetError: a source or sink cannot be built.
    """
    dataflow = Dataflow(FLOW)
    messages = op.input(TELEMETRY, dataflow, source)
    decoded = op.map(DECODE, messages, _decoder(settings))

    events = op.flat_map(SHARD, decoded, _sharder(settings))
    scored = score(SCORE, events, settings)
    enriched = op.map(ENCODE, op.key_rm(UNKEYED, scored), _encoder(settings))
    deliver(ENRICHED, enriched, settings, settings.topics.enriched, by_key=True, retain=True)

    if settings.rollups.enabled:
        summaries = roll_up(ROLL_UP, scored, settings, ends)
        deliver(ROLLUPS, summaries.rollups, settings, settings.rollups_topic, by_key=True, retain=True)
        deliver(LATE, summaries.late, settings, settings.late_topic)

    letters = op.flat_map(BAD, decoded, _dead_letters)
    if settings.alerts.enabled:
        read = None if actions is None else op.map(READ, op.input(ACTIONS, dataflow, actions), read_actions)
        if read is not None:
            letters = op.merge("letters", letters, op.flat_map("bad-actions", read, _dead_actions))
        alerts = _alerts(settings, shards or settings.detector.shards, decoded, scored, read)
        deliver(ALERTS, alerts, settings, settings.alerts_topic, by_key="levels", retain=True)

    deliver(DEAD_LETTER, letters, settings, settings.topics.dead_letter)
    return dataflow


def _alerts(
    settings: Settings,
    shards: int,
    decoded: Stream[Decoded],
    scored: KeyedStream[ScoredBatch],
    read: Stream[ReadActions] | None,
) -> Stream[OutgoingBatch]:
    """Messages about the alerts of all shards and, while the job lives, of the fleet as a whole."""
    if read is None:
        return op.key_rm("of-shards", alert(ALERT, scored, settings))
    everywhere = op.flat_map("everywhere", read, _to_all(shards))
    of_shards = op.key_rm("of-shards", alert(ALERT, op.merge("changes", scored, everywhere), settings))
    if settings.alerts.no_data_after is None:
        return of_shards
    events = op.map("signs", decoded, lambda decoded: len(decoded.telemetry))
    signs = op.merge("all-signs", events, op.map("only-actions", read, lambda read: read.actions))
    return op.merge("all-alerts", of_shards, op.key_rm("of-fleet", fleet_silence(SILENCE, signs, settings)))


def _decoder(settings: Settings) -> Callable[[MessageBatch], Decoded]:
    decoder = Decoder.of(settings)
    limit = DeadLetterLimit(settings.dead_letters)
    log = DeadLetterLog(settings.topics.dead_letter)
    watch = SignalWatch(settings.signals, UnknownFields.of(settings))

    def decode(batch: MessageBatch) -> Decoded:
        decoded = decoder.decode(batch)
        watch.count(decoded)
        log.count(decoded.dead_letters)
        limit.count(decoded)
        return decoded

    return decode


def _encoder(settings: Settings) -> Callable[[ScoredBatch], OutgoingBatch]:
    encoder = Encoder(settings)

    def encode(scored: ScoredBatch) -> OutgoingBatch:
        encoded = encoder.encode(scored)
        LATENCY.observe((time.time_ns() // 1000 - scored.telemetry.timestamps) / SECOND)
        return encoded

    return encode


def _sharder(settings: Settings) -> Callable[[Decoded], list[tuple[str, TelemetryBatch]]]:
    return lambda decoded: split(decoded, settings.detector.shards)


def _to_all(shards: int) -> Callable[[ReadActions], list[tuple[str, Item]]]:
    # A vehicle's shard is known only where its events are: over Kafka its producer has chosen the partition.
    keys = list(map(shard_key, range(shards)))
    return lambda read: [(key, read.actions) for key in keys] if read.actions else []


def _dead_letters(decoded: Decoded) -> list[OutgoingBatch]:
    return [encode_dead_letters(decoded.dead_letters)] if decoded.dead_letters else []


def _dead_actions(read: ReadActions) -> list[OutgoingBatch]:
    count_dead_letters(read.dead_letters)
    return [encode_dead_letters(read.dead_letters)] if read.dead_letters else []
