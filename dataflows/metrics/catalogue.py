"""The metrics of all jobs."""

from __future__ import annotations

import math

from dataflows.metrics.definition import (
    EVERY_JOB,
    FLEET,
    NOTIFY,
    RECORD,
    counter,
    gauge,
    histogram,
)

# ---- What every job reads ----

MESSAGES = counter("fleet_messages", "messages", "messages that a source step has read", EVERY_JOB, ["step"])

LAST_MESSAGE = gauge(
    "fleet_last_message_timestamp_seconds",
    "s since 1970",
    "when a source step read its latest message; the start of the step before the first",
    EVERY_JOB,
    ["step"],
)

CONNECTED = gauge(
    "fleet_connected",
    "0 or 1",
    "whether a connection to a broker stands: each session over MQTT, the cluster over Kafka",
    EVERY_JOB,
    ["connection"],
)

READY = gauge("fleet_ready", "0 or 1", "whether `/ready` says so; it gives the reasons", EVERY_JOB)

UNACKNOWLEDGED = gauge(
    "fleet_mqtt_unacknowledged_messages",
    "messages",
    "messages in flight: received and not acknowledged, since no snapshot covers them yet; near "
    "`mqtt.queue_size`, the broker sends no more",
    EVERY_JOB,
    ["session"],
)

QUEUED = gauge(
    "fleet_mqtt_queued_messages",
    "messages",
    "messages that have come and are not read by the dataflow yet; if they stay many, the job cannot keep up",
    EVERY_JOB,
    ["session"],
)

UNCONFIRMED = gauge(
    "fleet_unconfirmed_messages",
    "messages",
    "messages in flight: published by a sink and not confirmed by the broker yet",
    FLEET,
    ["sink"],
)

LAG = gauge(
    "fleet_kafka_consumer_lag_messages",
    "messages",
    "messages of a partition that have not been read yet; NaN until the broker has reported its end",
    EVERY_JOB,
    ["topic", "partition"],
)

# ---- Decoding ----

DEAD_LETTERS = counter(
    "fleet_dead_letters",
    "events",
    "events that could not be decoded, by kind of reason; the reason itself is on the dead-letter topic",
    FLEET,
    ["reason"],
)

BAD_VALUES = counter(
    "fleet_bad_values",
    "values",
    "values that could not be read, and are missing in their event; the log says why if they are many",
    FLEET,
    ["signal"],
)

IGNORED = counter(
    "fleet_ignored",
    "events",
    "events of signals that are not in the catalogue, where the topic or the payload names the signal",
    FLEET,
)

# ---- Scoring ----

EVENTS = counter(
    "fleet_events",
    "events",
    "scored events by `status`: ok, warming_up, partial, late; a rising share of late points to a clock or "
    "a network, of partial to a sensor",
    FLEET,
    ["status"],
)

ANOMALIES = counter(
    "fleet_anomalies",
    "events",
    "events with an error above the threshold: 100 - `detector.percentile` percent of normal ones, or as "
    "many as `detector.false_alarms_per_day` allows",
    FLEET,
)

DUPLICATES = counter(
    "fleet_duplicates",
    "messages",
    "messages that had been delivered before and are still in their vehicle's window; dropped",
    FLEET,
)

LATENCY = histogram(
    "fleet_latency_seconds",
    "s",
    "time from the event time to the enriched event, just before it is published; the negative ones of a "
    "clock that is fast count as 0",
    FLEET,
    [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0],
)

SCORING = counter("fleet_scoring_seconds", "s", "time spent on scoring, learning not included", FLEET)

LEARNING = counter("fleet_learning_seconds", "s", "time spent on learning, at block boundaries", FLEET)

THRESHOLD = gauge(
    "fleet_threshold",
    "usual errors",
    "threshold of a shard for a vehicle that it knows nothing of; 0 while warming up. If it climbs, what is "
    "usual has changed, or faults are being learned",
    FLEET,
    ["shard"],
)

MEAN_ERROR = gauge(
    "fleet_mean_error",
    "usual errors",
    "geometric mean of the errors of a shard's latest block",
    FLEET,
    ["shard"],
)

DRIFTS = counter(
    "fleet_drifts", "drifts", "lasting changes of the usual error of a shard, by ADWIN", FLEET, ["shard"]
)

MODEL_VERSION = gauge(
    "fleet_model_version",
    "blocks",
    "blocks that a shard's detector has learned since it was new",
    FLEET,
    ["shard"],
)

EVENT_TIME = gauge(
    "fleet_event_time_timestamp_seconds",
    "s since 1970",
    "event time that a shard's vehicles have reached; `time()` minus this is the watermark lag (only with "
    "`alerts.enabled`)",
    FLEET,
    ["shard"],
)

VEHICLES = gauge("fleet_vehicles", "vehicles", "vehicles that the shards of the process know", FLEET)

FORGOTTEN = counter(
    "fleet_vehicles_forgotten",
    "vehicles",
    "vehicles evicted because a shard knew more than `detector.vehicles`; if it keeps rising, raise that or "
    "`detector.shards`",
    FLEET,
)

# ---- Alerts ----

ALERTS_OPEN = gauge("fleet_alerts_open", "alerts", "alerts that are open now, by kind", FLEET, ["kind"])

ALERTS_OPENED = counter(
    "fleet_alerts_opened", "alerts", "alerts that opened or opened again, by kind", FLEET, ["kind"]
)

ALERTS_CLEARED = counter("fleet_alerts_cleared", "alerts", "alerts that cleared, by kind", FLEET, ["kind"])

ALERT_MESSAGES = counter(
    "fleet_alert_messages",
    "messages",
    "messages about alerts that opened, changed or cleared",
    FLEET,
)

# ---- Rollups ----

ROLLUPS = counter(
    "fleet_rollups",
    "rollups",
    "summaries of a vehicle and a window: one per vehicle and `rollups.window` while it sends",
    FLEET,
)

LATE_FOR_ROLLUP = counter(
    "fleet_late_for_rollup",
    "events",
    "events that came after the rollup of their window, and are on the late topic; if it keeps rising, raise "
    "`rollups.allowed_lateness`",
    FLEET,
)

# ---- State and recovery ----

SNAPSHOT_AT = gauge(
    "fleet_snapshot_timestamp_seconds",
    "s since 1970",
    "when the latest epoch ended that has passed through the dataflow and, with recovery, is stored; the "
    "start of the process before the first",
    EVERY_JOB,
)

SNAPSHOT_TIME = gauge(
    "fleet_snapshot_seconds",
    "s",
    "time from the end of that epoch until its results were out and its state was stored",
    EVERY_JOB,
)

STATE_BYTES = gauge(
    "fleet_state_bytes",
    "bytes",
    "state of a step at its latest snapshot, of all shards of the process; estimated",
    FLEET,
    ["step"],
)

RECOVERY_BYTES = gauge(
    "fleet_recovery_bytes", "bytes", "size of the recovery directory; NaN without one", EVERY_JOB
)

RECOVERY_FREE = gauge(
    "fleet_recovery_free_bytes", "bytes", "free space on the disk of the recovery directory", EVERY_JOB
)

# ---- Notifications ----

BAD_ALERTS = counter(
    "fleet_bad_alerts",
    "messages",
    "messages on the alerts topic that are not alerts; the first one is logged",
    NOTIFY,
)

NOTIFICATIONS_SENT = counter(
    "fleet_notifications_sent",
    "messages",
    "messages that a channel accepted; one can be about many alerts",
    NOTIFY,
    ["channel"],
)

NOTIFICATIONS_FAILED = counter(
    "fleet_notifications_failed",
    "attempts",
    "attempts to send a message that a channel did not accept; they are repeated, and if this keeps rising, "
    "people are not told",
    NOTIFY,
    ["channel"],
)

NOTIFICATIONS_WAITING = gauge(
    "fleet_notifications_waiting",
    "changes",
    "changes of alerts that a channel has still to be told of; also those that wait for their group, for the "
    "end of quiet hours, or of a mute",
    NOTIFY,
    ["channel"],
)

NOTIFICATIONS_DROPPED = counter(
    "fleet_notifications_dropped",
    "changes",
    "changes of alerts that a channel will not be told of, since more waited than are kept; expected to be 0",
    NOTIFY,
    ["channel"],
)

# ---- History ----

HISTORY_ROWS = counter(
    "fleet_history_rows",
    "rows",
    "rows that were written, by kind; copies in different files are counted each, and read once",
    RECORD,
    ["kind"],
)

HISTORY_UNREADABLE = counter(
    "fleet_history_unreadable",
    "messages",
    "messages that are not what their topic promises, by kind; they are kept as `unreadable`",
    RECORD,
    ["kind"],
)

HISTORY_BYTES = gauge(
    "fleet_history_bytes",
    "bytes",
    "size of the history, looked at every `history.maintain_every` seconds; NaN for one at a URL",
    RECORD,
)

HISTORY_FREE = gauge(
    "fleet_history_free_bytes", "bytes", "free space on the disk of the history; NaN for one at a URL", RECORD
)

for unknown in (RECOVERY_BYTES, RECOVERY_FREE, HISTORY_BYTES, HISTORY_FREE):
    unknown.set(math.nan)
