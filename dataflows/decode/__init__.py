"""Bytes → columns of telemetry, or dead letters."""

from dataflows.decode.batch import Decoded, TelemetryBatch
from dataflows.decode.decoder import Decoder

__all__ = ["Decoded", "Decoder", "TelemetryBatch"]
