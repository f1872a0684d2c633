"""Decoding: raw messages → columns of telemetry, or dead letters.

splitter   messages → events            by payload.layout
reader     events → rows                event_struct and fields: where values are, which types they have
columns    rows → columns               ids, times and numbers within their limits
decoder    all of it, and the dead letters of what `faults` collected on the way
"""

from dataflows.decode.batch import Decoded, TelemetryBatch
from dataflows.decode.decoder import Decoder

__all__ = ["Decoded", "Decoder", "TelemetryBatch"]
