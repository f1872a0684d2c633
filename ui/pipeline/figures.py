"""Figures of one process and of several together, from their metrics."""

from __future__ import annotations

from collections.abc import Sequence

from ui.pipeline.latency import quantile
from ui.pipeline.metrics_scraper import ProcessMetrics, Reading

MESSAGES, EVENTS, ANOMALIES = "fleet_messages_total", "fleet_events_total", "fleet_anomalies_total"
DEAD_LETTERS, DUPLICATES = "fleet_dead_letters_total", "fleet_duplicates_total"
LATE, BAD_VALUES = "fleet_late_for_rollup_total", "fleet_bad_values_total"
LATENCY = "fleet_latency_seconds_bucket"
LAG, QUEUED, UNACKNOWLEDGED = (
    "fleet_kafka_consumer_lag_messages",
    "fleet_mqtt_queued_messages",
    "fleet_mqtt_unacknowledged_messages",
)
SNAPSHOT_AT, LAST_MESSAGE, EVENT_TIME = (
    "fleet_snapshot_timestamp_seconds",
    "fleet_last_message_timestamp_seconds",
    "fleet_event_time_timestamp_seconds",
)
VEHICLES, FORGOTTEN, DRIFTS = "fleet_vehicles", "fleet_vehicles_forgotten_total", "fleet_drifts_total"
THRESHOLD, MEAN_ERROR, BLOCKS = "fleet_threshold", "fleet_mean_error", "fleet_model_version"
FAILED, SENT, DROPPED = (
    "fleet_notifications_failed_total",
    "fleet_notifications_sent_total",
    "fleet_notifications_dropped_total",
)
HISTORY_FREE, RECOVERY_FREE = "fleet_history_free_bytes", "fleet_recovery_free_bytes"
RECOVERY_BYTES, STATE_BYTES = "fleet_recovery_bytes", "fleet_state_bytes"
PROCESSOR, MEMORY = "process_cpu_seconds_total", "process_resident_memory_bytes"

JOBS = {"fleet_bad_alerts_total": "notify", "fleet_history_bytes": "record", "fleet_vehicles": "fleet"}
"""A metric that only one job has → the job; Bytewax's own server shows those of all, so the order counts."""

MINUTE = 60.0
"""Seconds over which latency and shares are taken."""


def job_of(reading: Reading) -> str:
    """Which job a process runs; the empty text if its metrics do not tell."""
    if reading.total(EVENTS) > 0.0:
        return "fleet"
    return next((job for name, job in JOBS.items() if reading.has(name)), "")


def name_of(process: ProcessMetrics) -> str:
    """A process as people know it: its job, and where it is."""
    place = process.address.partition("://")[2].partition("/")[0]
    job = job_of(process.readings[-1]) if process.readings else ""
    return f"{job} at {place}" if job else place


def latency(processes: Sequence[ProcessMetrics], share: float, over: float = MINUTE) -> float | None:
    """Seconds from event time to result that a share of the last events took at most; ``None``: no events."""
    buckets: dict[float, float] = {}
    for process in processes:
        latest, before = process.latest, process.before(over)
        if latest is not None and before is not None:
            add_buckets(buckets, before, latest)
    return quantile(buckets, share)


def add_buckets(buckets: dict[float, float], before: Reading, after: Reading) -> None:
    """Add what the latency's buckets have counted between two readings, by their upper bounds."""
    earlier = before.by_label(LATENCY, "le")
    for bound, count in after.by_label(LATENCY, "le").items():
        buckets[float(bound)] = buckets.get(float(bound), 0.0) + count - earlier.get(bound, 0.0)


def total(processes: Sequence[ProcessMetrics], name: str, **labels: str) -> float:
    """Sum of a metric over all processes that answer."""
    return sum(one.latest.total(name, **labels) for one in processes if one.latest is not None)


def rise(processes: Sequence[ProcessMetrics], name: str, over: float = MINUTE, **labels: str) -> float:
    """By how much a counter of all processes has risen over the last seconds."""
    return sum(max(process.rise(name, over, **labels), 0.0) for process in processes)


def rate(processes: Sequence[ProcessMetrics], name: str, **labels: str) -> float:
    """By how much a counter of all processes rises per second."""
    return sum(process.rate(name, 10.0, **labels) for process in processes)


def rises_by(processes: Sequence[ProcessMetrics], name: str, label: str, over: float) -> dict[str, float]:
    """Value of a label → by how much a counter has risen over the last seconds; only what has."""
    values = {
        value
        for process in processes
        if process.latest is not None
        for value in process.latest.by_label(name, label)
    }
    found = {value: rise(processes, name, over, **{label: value}) for value in sorted(values)}
    return {value: risen for value, risen in found.items() if risen > 0.0}


def behind(process: ProcessMetrics) -> float | None:
    """Messages that a process has still to read: lag over Kafka, queue over MQTT; ``None`` if not known."""
    latest = process.latest
    if latest is None or not (latest.has(LAG) or latest.has(QUEUED)):
        return None
    return latest.total(LAG) + latest.total(QUEUED)


def snapshot_age(process: ProcessMetrics) -> float | None:
    """Seconds since the last completed epoch; ``None`` if not known."""
    latest = process.latest
    at = None if latest is None else latest.oldest(SNAPSHOT_AT)
    return None if latest is None or at is None else max(0.0, latest.at - at)


def silence(processes: Sequence[ProcessMetrics]) -> float | None:
    """Seconds since the latest telemetry; ``None`` if no process reads any."""
    ages = [
        one.latest.at - heard
        for one in processes
        if one.latest is not None
        and (heard := one.latest.oldest(LAST_MESSAGE, step="telemetry")) is not None
        and job_of(one.latest) == "fleet"
    ]
    return max(0.0, min(ages)) if ages else None


def event_time_age(processes: Sequence[ProcessMetrics]) -> float | None:
    """Seconds by which the newest event time is behind the clock; ``None`` if not known."""
    ages = [
        one.latest.at - max(times.values())
        for one in processes
        if one.latest is not None and (times := one.latest.by_label(EVENT_TIME, "shard"))
    ]
    return max(0.0, min(ages)) if ages else None
