"""What the dashboard shows: figures at the top, and rows of charts, with their queries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

PER_S, SECONDS, SHARE, BYTES, COUNT, ON = "cps", "s", "percentunit", "bytes", "short", "bool_on_off"
"""Grafana's names of units."""


class Chart(NamedTuple):
    """A panel with lines.

    Attributes:
        title: in a few words.
        unit: of Grafana.
        queries: legend → PromQL.
        about: what it says, or what to do about it; the panel's description.
        stacked: whether lines add up.
    """

    title: str
    unit: str
    queries: Mapping[str, str]
    about: str = ""
    stacked: bool = False


P95 = "histogram_quantile({}, sum by (le) (rate(fleet_latency_seconds_bucket[$__rate_interval])))"

NOW: dict[str, tuple[str, str, str]] = {
    "Not ready": (COUNT, "count(fleet_ready == 0) or vector(0)", "processes whose /ready gives a reason"),
    "Messages": (PER_S, 'sum(rate(fleet_messages_total{step="telemetry"}[$__rate_interval]))', "telemetry"),
    "Latency, 95 %": (SECONDS, P95.format(0.95), "from the event time to the result"),
    "Oldest snapshot": (SECONDS, "time() - min(fleet_snapshot_timestamp_seconds)", "age, of all processes"),
    "Open alerts": (COUNT, "sum(fleet_alerts_open)", "of all kinds"),
    "Dead letters": (
        SHARE,
        "sum(rate(fleet_dead_letters_total[$__rate_interval])) / (sum(rate(fleet_events_total"
        "[$__rate_interval])) + sum(rate(fleet_dead_letters_total[$__rate_interval])))",
        "share of what comes in",
    ),
}
"""Title → unit, PromQL and meaning of the figures at the top."""

ROWS: dict[str, list[Chart]] = {
    "Stream": [
        Chart(
            "Messages read",
            PER_S,
            {"{{job}} {{step}}": "sum by (job, step) (rate(fleet_messages_total[$__rate_interval]))"},
            "A step that falls to 0 while the others go on has lost its topic.",
        ),
        Chart(
            "Scored events",
            PER_S,
            {"{{status}}": "sum by (status) (rate(fleet_events_total[$__rate_interval]))"},
            "Late ones point to clocks or a network, partial ones to sensors.",
            stacked=True,
        ),
        Chart(
            "Latency",
            SECONDS,
            {f"{share:.0%}": P95.format(share) for share in (0.5, 0.95, 0.99)},
            "From the event time to the enriched event, just before it is published.",
        ),
        Chart(
            "Behind the stream",
            COUNT,
            {
                "{{job}} {{topic}} lag": "sum by (job, topic) (fleet_kafka_consumer_lag_messages)",
                "{{job}} {{session}} queue": "sum by (job, session) (fleet_mqtt_queued_messages)",
            },
            "Messages that are at the broker or in the queue and not read yet.",
        ),
        Chart(
            "Age of the event time",
            SECONDS,
            {"shard {{shard}}": "time() - max by (shard) (fleet_event_time_timestamp_seconds)"},
            "Rises with the clock while nothing comes; after an outage it falls while the job catches up.",
        ),
        Chart(
            "In flight",
            COUNT,
            {
                "{{job}} {{session}} not acknowledged": (
                    "sum by (job, session) (fleet_mqtt_unacknowledged_messages)"
                ),
                "{{sink}} not confirmed": "sum by (sink) (fleet_unconfirmed_messages)",
            },
            "Messages are acknowledged once per snapshot: near mqtt.queue_size the broker sends no more.",
        ),
        Chart(
            "Dead letters",
            PER_S,
            {"{{reason}}": "sum by (reason) (rate(fleet_dead_letters_total[$__rate_interval]))"},
            "Their bytes are on the page Pipeline.",
            stacked=True,
        ),
        Chart(
            "Duplicates, late and unreadable",
            PER_S,
            {
                "duplicates": "sum(rate(fleet_duplicates_total[$__rate_interval]))",
                "late for their rollup": "sum(rate(fleet_late_for_rollup_total[$__rate_interval]))",
                "values of {{signal}}": "sum by (signal) (rate(fleet_bad_values_total[$__rate_interval]))",
                "of unknown signals": "sum(rate(fleet_ignored_total[$__rate_interval]))",
            },
        ),
    ],
    "Detector": [
        Chart(
            "Flagged events",
            SHARE,
            {
                "anomalies": "sum(rate(fleet_anomalies_total[$__rate_interval])) "
                "/ sum(rate(fleet_events_total[$__rate_interval]))"
            },
            "About 100 - detector.percentile percent while nothing is wrong.",
        ),
        Chart(
            "Threshold",
            COUNT,
            {"shard {{shard}}": "max by (shard) (fleet_threshold)"},
            "If it climbs for hours, what is usual has changed, or a fault is being learned.",
        ),
        Chart(
            "Error and drift",
            COUNT,
            {
                "error of shard {{shard}}": "max by (shard) (fleet_mean_error)",
                "drifts of shard {{shard}} in an hour": "sum by (shard) (increase(fleet_drifts_total[1h]))",
            },
        ),
        Chart(
            "Processor time",
            SHARE,
            {
                "{{instance}} scoring": "rate(fleet_scoring_seconds_total[$__rate_interval])",
                "{{instance}} learning": "rate(fleet_learning_seconds_total[$__rate_interval])",
                "{{job}} {{instance}} in all": "rate(process_cpu_seconds_total[$__rate_interval])",
            },
            "Of one core: a process cannot use more.",
        ),
        Chart(
            "Vehicles",
            COUNT,
            {
                "known": "sum(fleet_vehicles)",
                "forgotten in an hour": "sum(increase(fleet_vehicles_forgotten_total[1h]))",
            },
        ),
        Chart("Blocks learned", COUNT, {"shard {{shard}}": "max by (shard) (fleet_model_version)"}),
    ],
    "Alerts": [
        Chart("Open alerts", COUNT, {"{{kind}}": "sum by (kind) (fleet_alerts_open)"}, stacked=True),
        Chart(
            "Opened and cleared in an hour",
            COUNT,
            {
                "{{kind}} opened": "sum by (kind) (increase(fleet_alerts_opened_total[1h]))",
                "{{kind}} cleared": "sum by (kind) (increase(fleet_alerts_cleared_total[1h]))",
                "messages": "sum(increase(fleet_alert_messages_total[1h]))",
            },
        ),
        Chart(
            "Notifications in an hour",
            COUNT,
            {
                "{{channel}} sent": "sum by (channel) (increase(fleet_notifications_sent_total[1h]))",
                "{{channel}} failed": "sum by (channel) (increase(fleet_notifications_failed_total[1h]))",
                "{{channel}} dropped": "sum by (channel) (increase(fleet_notifications_dropped_total[1h]))",
                "not alerts": "sum(increase(fleet_bad_alerts_total[1h]))",
            },
            "A channel that only fails tells nobody.",
        ),
        Chart(
            "Waiting notifications",
            COUNT,
            {"{{channel}}": "sum by (channel) (fleet_notifications_waiting)"},
        ),
    ],
    "State, history and processes": [
        Chart(
            "Age of the latest snapshot",
            SECONDS,
            {"{{job}} {{instance}}": "time() - fleet_snapshot_timestamp_seconds"},
            "What a restart now would do again.",
        ),
        Chart("Time of a snapshot", SECONDS, {"{{job}} {{instance}}": "fleet_snapshot_seconds"}),
        Chart(
            "State",
            BYTES,
            {
                "{{step}}": "sum by (step) (fleet_state_bytes)",
                "{{job}} {{instance}} on disk": "fleet_recovery_bytes",
            },
        ),
        Chart(
            "Disks",
            BYTES,
            {
                "history": "fleet_history_bytes",
                "free for the history": "fleet_history_free_bytes",
                "free for {{job}} {{instance}}": "fleet_recovery_free_bytes",
            },
        ),
        Chart(
            "Rows and rollups",
            PER_S,
            {
                "{{kind}}": "sum by (kind) (rate(fleet_history_rows_total[$__rate_interval]))",
                "unreadable {{kind}}": (
                    "sum by (kind) (rate(fleet_history_unreadable_total[$__rate_interval]))"
                ),
                "rollups made": "sum(rate(fleet_rollups_total[$__rate_interval]))",
            },
        ),
        Chart(
            "Connections and readiness",
            ON,
            {
                "{{job}} {{connection}}": "min by (job, connection) (fleet_connected)",
                "{{job}} {{instance}} ready": "fleet_ready",
            },
        ),
        Chart("Memory", BYTES, {"{{job}} {{instance}}": "process_resident_memory_bytes"}),
        Chart(
            "Silence",
            SECONDS,
            {"{{job}} {{step}}": "time() - max by (job, step) (fleet_last_message_timestamp_seconds)"},
        ),
    ],
}
"""Title of a row → its charts."""


def queries() -> list[str]:
    """The PromQL of all panels."""
    of_charts = [query for charts in ROWS.values() for chart in charts for query in chart.queries.values()]
    return [query for _, query, _ in NOW.values()] + of_charts
