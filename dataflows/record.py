"""Keep what is on the topics: ``python -m bytewax.run dataflows.record``.

    telemetry, commands, answers ─────────────────┐            ┌──► history
    events, alerts, actions, rollups, late events ┴──► sort ───┴──► recording

The messages of ``history.kinds`` become rows of Parquet files in ``history.directory``, which
``python -m dataflows.history`` queries; docs/history.md describes it. If ``recording.output`` is set, every
message on ``topics.telemetry`` is appended to it as well, with its topic, its time of arrival and, from
Kafka, its key: a plain ``.jsonl`` file grows with every message, ``.jsonl.gz`` at the end of every epoch.

Messages are acknowledged to the broker only once they are on disk, so those sent while the job is down are
kept when it is back (within ``mqtt.session_expiry`` or the topic's retention).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import FixedPartitionedSource, Source

from config.errors import SettingsError
from config.logs import announce
from config.settings import Settings, load
from dataflows.connectors.endpoints import topic_sources
from dataflows.connectors.files import RecordingSink
from dataflows.history.background import Maintenance
from dataflows.history.step import HistorySink
from dataflows.history.topics import FROM_VEHICLES, TELEMETRY, Sorter, filters_of, topics_of
from dataflows.job import job
from dataflows.job.monitoring import monitor
from dataflows.job.stopping import with_graceful_shutdown
from dataflows.job.watched_source import WatchedSource
from dataflows.messages import MessageBatch

# Flow and step ids are keys in the recovery store: under a new id a job does not find its state.
FLOW = "record"
RESULTS = "results"
RECORDING = "recording"
HISTORY = "history"


def flow() -> Dataflow:
    """The dataflow for the settings in force.

    Raises:
        SystemExit: after one line on standard error, if a setting is wrong or the output cannot be written.
    """
    with job(FLOW):
        settings = load()
        monitor(FLOW, settings.monitoring)
        topics = recorded_topics(settings)
        (name, source), *others = _sources(settings, topics).items()
        stoppable = with_graceful_shutdown(FLOW, WatchedSource(source))
        sources = {name: stoppable} | {name: stoppable.beside(WatchedSource(other)) for name, other in others}
        dataflow = build(settings, topics, sources)
    if settings.history.directory is not None:
        Maintenance(settings.history.directory, settings.history).start()
    for line in _described(settings, topics):
        announce(FLOW, line, topics=sorted(topics.values()))
    return dataflow


def recorded_topics(settings: Settings) -> dict[str, str]:
    """Kind → topic, of all that is to be read.

    Raises:
        SettingsError: there is nothing to be read, or nowhere to keep it.
    """
    output = settings.recording.output
    if settings.source.kind == "recording" and output is not None:
        raise SettingsError(
            "source.kind: expected 'mqtt' or 'kafka', got 'recording'; a recording is not recorded again"
        )
    topics = {} if settings.history.directory is None else topics_of(settings)
    if output is not None:
        topics[TELEMETRY] = settings.topics.telemetry
    if not topics:
        raise SettingsError(
            "expected something to record, got nothing: set history.directory and history.kinds, or "
            "recording.output, and a broker as source.kind or sink.kind"
        )
    return topics


def build(
    settings: Settings, topics: Mapping[str, str], sources: Mapping[str, Source[MessageBatch]]
) -> Dataflow:
    """Connect the steps.

    Args:
        settings: all settings.
        topics: kind → topic, of all that the sources read.
        sources: step → where messages come from.

    Raises:
        RecordingError: the recording cannot be written.
    """
    dataflow = Dataflow(FLOW)
    inputs = [op.input(name, dataflow, source) for name, source in sources.items()]
    messages = inputs[0] if len(inputs) == 1 else op.merge("all", *inputs)
    of_kinds = op.flat_map("sort", messages, Sorter(topics).sort)
    if settings.recording.output is not None:
        telemetry = op.filter("telemetry-only", of_kinds, lambda one: one[0] == TELEMETRY)
        op.output(RECORDING, telemetry, RecordingSink(settings.recording.output))
    if settings.history.directory is not None:
        kept = topics_of(settings)
        distinct = settings.payload.has_time
        rows = op.filter("kept", of_kinds, lambda one: one[0] in kept)
        op.output(HISTORY, rows, HistorySink(settings.history.directory, kept, distinct=distinct))
    return dataflow


def _sources(
    settings: Settings, topics: Mapping[str, str]
) -> dict[str, FixedPartitionedSource[MessageBatch, Any]]:
    sides = {
        TELEMETRY: (settings.source.kind, {kind: topics[kind] for kind in topics if kind in FROM_VEHICLES}),
        RESULTS: (settings.sink.kind, {kind: topics[kind] for kind in topics if kind not in FROM_VEHICLES}),
    }
    telemetry_filter = settings.topics.telemetry_template.filter
    return {
        name: source
        for side, (broker, of_side) in sides.items()
        for name, source in topic_sources(
            settings,
            broker,
            of_side,
            filters_of(of_side, telemetry_filter),
            step_id=side,
            role=FLOW if side == TELEMETRY else f"{FLOW}-{side}",
        ).items()
    }


def _described(settings: Settings, topics: Mapping[str, str]) -> list[str]:
    lines = []
    if (output := settings.recording.output) is not None:
        how = "appending to" if output.exists() else "writing to"
        lines.append(
            f"recording {settings.topics.telemetry} from {settings.telemetry_broker}, {how} {output}"
        )
    if (directory := settings.history.directory) is not None:
        brokers = {settings.telemetry_broker, settings.enriched_broker}
        kinds = ", ".join(topics_of(settings))
        lines.append(f"keeping {kinds} from {' and '.join(sorted(brokers))} in {directory}")
    return lines
