"""Prometheus metrics of the job, beside those of Bytewax itself.

With ``BYTEWAX_DATAFLOW_API_ENABLED=1`` every process serves them at ``:3030/metrics``. Counters start at 0
with the process, and events that are replayed after a restart are counted again. The consumer lag of Kafka's
partitions is defined where they are read, in `dataflows.connectors.kafka.source`.
"""

from __future__ import annotations

from prometheus_client import Counter, Gauge

EVENTS = Counter(
    "fleet_events",
    "scored events by their status on the enriched topic: ok, warming_up, partial, late",
    ["status"],
)
"""A rising share of ``late`` points to a clock or a network, a rising share of ``partial`` to a sensor."""

ANOMALIES = Counter("fleet_anomalies", "scored events whose error is above the threshold")
"""About 100 - `detector.percentile` percent of normal events, or as many as `false_alarms_per_day` allows."""

DUPLICATES = Counter("fleet_duplicates", "messages that had been delivered before; dropped")
"""A few are normal: senders repeat messages that they believe lost."""

DEAD_LETTERS = Counter("fleet_dead_letters", "events that could not be decoded")
"""Each one is on the dead-letter topic, with its reason."""

BAD_VALUES = Counter("fleet_bad_values", "values that could not be read, by signal", ["signal"])
"""They are missing in their events. If most values of a signal are bad, the job logs why."""

IGNORED = Counter("fleet_ignored", "events of signals that are not in the catalogue")
"""Only where the topic or the payload names the signal. The job logs the first one."""

ALERT_MESSAGES = Counter("fleet_alert_messages", "messages about alerts that opened, changed or cleared")
"""Without `alerts.clear_after` and `reopen_within`, a condition that comes and goes would make many."""

ROLLUPS = Counter("fleet_rollups", "summaries of a vehicle and a window of time")
"""One per vehicle and `rollups.window` while it sends."""

LATE_FOR_ROLLUP = Counter("fleet_late_for_rollup", "events that came after the rollup of their window")
"""Each one is on the late topic. If it keeps rising, raise `rollups.allowed_lateness`."""

VEHICLES = Gauge("fleet_vehicles", "vehicles that the shards of this process know")
"""At most `detector.vehicles` per shard, plus those that appeared since the last block."""

FORGOTTEN = Counter(
    "fleet_vehicles_forgotten", "vehicles evicted because a shard knew more than detector.vehicles"
)
"""If it keeps rising, raise `detector.vehicles` or the number of shards."""

BAD_ALERTS = Counter("fleet_bad_alerts", "messages on the alerts topic that are not alerts; ignored")
"""The job that notifies logs the first one."""

NOTIFICATIONS_SENT = Counter("fleet_notifications_sent", "messages that a channel accepted", ["channel"])
"""A message can be about many alerts."""

NOTIFICATIONS_FAILED = Counter(
    "fleet_notifications_failed", "attempts to send a message that a channel did not accept", ["channel"]
)
"""They are repeated. If it keeps rising, people are not told."""

NOTIFICATIONS_WAITING = Gauge(
    "fleet_notifications_waiting", "changes of alerts that a channel has still to be told of", ["channel"]
)
"""Also those that wait for their group, for the end of quiet hours, or for the end of a mute."""

NOTIFICATIONS_DROPPED = Counter(
    "fleet_notifications_dropped",
    "changes that a channel will not be told of, since more alerts waited than are kept",
    ["channel"],
)
"""Expected to be 0."""

HISTORY_ROWS = Counter("fleet_history_rows", "rows that were written to the history, by kind", ["kind"])
"""Copies of a row that are in different files are counted each; they are read once."""

HISTORY_UNREADABLE = Counter(
    "fleet_history_unreadable", "messages that are not what their topic promises, by kind", ["kind"]
)
"""They are kept as `unreadable`. The job that records logs the first one of each kind."""
