"""What the job counts, for Prometheus, beside what Bytewax counts itself.

With ``BYTEWAX_DATAFLOW_API_ENABLED=1`` every process serves them at ``:3030/metrics``. Counters start at 0
with the process; after a restart what comes again is counted again. The lag of Kafka's partitions is counted
where they are read, in `dataflows.connectors.kafka.source`.
"""

from __future__ import annotations

from prometheus_client import Counter, Gauge

EVENTS = Counter(
    "fleet_events",
    "scored events by their status on the enriched topic: ok, warming_up, partial, late",
    ["status"],
)
"""A rising share of ``late`` says that a clock or a network is wrong, of ``partial`` that a sensor died."""

ANOMALIES = Counter("fleet_anomalies", "scored events whose error is above the threshold")
"""Of normal events about 100 - `detector.percentile` percent, or what `false_alarms_per_day` says."""

DUPLICATES = Counter("fleet_duplicates", "events of a vehicle and time that was there already; dropped")
"""Some are normal: senders repeat what they hold for lost."""

DEAD_LETTERS = Counter("fleet_dead_letters", "events that could not be decoded")
"""The reason of each is on the dead-letter topic."""

VEHICLES = Gauge("fleet_vehicles", "vehicles that the shards of this process know")
"""At most `detector.vehicles` times the number of shards, and those that came since the last block."""

FORGOTTEN = Counter("fleet_vehicles_forgotten", "vehicles that were forgotten because a shard knew too many")
"""If it rises all the time, raise `detector.vehicles` or the number of shards."""
