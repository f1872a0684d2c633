"""Scored columns → JSON messages."""

from dataflows.encode.encoder import Encoder

__all__ = ["Encoder"]
