"""Telemetry → scores: one detector per shard, and what it needs."""
