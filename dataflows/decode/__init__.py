"""Decoding: raw messages → columns of telemetry, or dead letters.

splitter   messages → events            by payload.layout; records and series inside a message
reader     events → rows                event_struct and fields: where values are, which types they have
columns    rows → columns               ids, times and numbers within their limits
derived    columns → more columns       signals that are computed from others, by expressions
decoder    all of it, the dead letters of what `faults` collected on the way, and counts of `bad_values`

texts and times know how values are written, named_values what one value of a named signal is.
"""

from dataflows.decode.batch import Decoded, TelemetryBatch
from dataflows.decode.decoder import Decoder

__all__ = ["Decoded", "Decoder", "TelemetryBatch"]
