"""Record telemetry: ``python -m bytewax.run dataflows.record``.

    telemetry ──► recording

Every message on ``topics.telemetry`` is appended to ``recording.output``, with its topic, its time of arrival
and, from Kafka, its key. Messages are acknowledged to the broker only once they are on disk, so those sent
while the job is down are recorded when it is back (within ``mqtt.session_expiry`` or the topic's retention).
A plain ``.jsonl`` file grows with every message, ``.jsonl.gz`` at the end of every epoch (10 s).
"""

from __future__ import annotations

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import Source

from config.errors import SettingsError
from config.settings import Settings, load
from dataflows.connectors.endpoints import telemetry_source
from dataflows.connectors.files import RecordingSink
from dataflows.job import job
from dataflows.job.stopping import with_graceful_shutdown
from dataflows.messages import MessageBatch

# Flow and step ids are keys in the recovery store: under a new id a job does not find its state.
FLOW = "record"
TELEMETRY = "telemetry"
KEYED = "keyed"
RECORDING = "recording"


def flow() -> Dataflow:
    """The dataflow for the settings in force.

    Raises:
        SystemExit: after one line on standard error, if a setting is wrong or the output cannot be written.
    """
    with job(FLOW):
        settings = load()
        if settings.source.kind == "recording":
            raise SettingsError(
                "source.kind: expected 'mqtt' or 'kafka', got 'recording'; a recording is not recorded again"
            )
        source = with_graceful_shutdown(FLOW, telemetry_source(settings, role=FLOW))
        dataflow = build(settings, source)
    output = settings.recording.output
    print(
        f"recording {settings.topics.telemetry} from {settings.telemetry_broker}, "
        f"{'appending to' if output.exists() else 'writing to'} {output}",
        flush=True,
    )
    return dataflow


def build(settings: Settings, source: Source[MessageBatch]) -> Dataflow:
    """Connect the steps.

    Args:
        settings: all settings.
        source: the telemetry.

    Raises:
        RecordingError: the output cannot be written.
    """
    dataflow = Dataflow(FLOW)
    messages = op.input(TELEMETRY, dataflow, source)
    keyed = op.map(KEYED, messages, _with_key)
    op.output(RECORDING, keyed, RecordingSink(settings.recording.output))
    return dataflow


def _with_key(batch: MessageBatch) -> tuple[str, MessageBatch]:
    return batch.origin, batch
