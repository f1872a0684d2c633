"""Telemetry → scores: one detector a shard, and what surrounds it."""
