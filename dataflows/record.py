"""Record telemetry: ``python -m bytewax.run dataflows.record``.

Everything on ``topics.telemetry`` goes, with topic and time of arrival, into ``recording.output``. An
existing recording is continued. What it has taken is acknowledged to the broker only when it is on
the disk, so what comes while it is away is recorded when it is back (within ``mqtt.session_expiry``, or
the topic's retention). A recording from Kafka keeps the messages' keys.
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

# Flow and step ids are recovery keys: another id, and a job no longer finds its state.
FLOW = "record"
TELEMETRY = "telemetry"
KEYED = "keyed"
RECORDING = "recording"


def flow() -> Dataflow:
    """The dataflow by the settings in force.

    Raises:
        SystemExit: after one line on standard error, if a setting is wrong or the output cannot be written.
    """
    with job(FLOW):
        settings = load()
        if settings.source.kind == "recording":
            raise SettingsError(
                "source.kind: expected 'mqtt' or 'kafka', got 'recording', which need not be recorded"
            )
        source = with_graceful_shutdown(FLOW, telemetry_source(settings, role=FLOW))
        dataflow = build(settings, source)
    output = settings.recording.output
    print(
        f"recording {settings.topics.telemetry} from {settings.telemetry_broker} "
        f"{'at the end of' if output.exists() else 'in'} {output}",
        flush=True,
    )
    return dataflow


def build(settings: Settings, source: Source[MessageBatch]) -> Dataflow:
    """Telemetry topic → recording.

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
