"""Metrics of processes that a test makes up."""

from __future__ import annotations

from collections.abc import Mapping

from ui.pipeline.metrics_scraper import Labels, ProcessMetrics, Reading

NOW = 1_800_000_000.0
"""Seconds since 1970: when the latest reading was taken."""

AT = "http://127.0.0.1:9464/metrics"


def values(**metrics: float | Mapping[str, float]) -> dict[tuple[str, Labels], float]:
    """Metrics by name; a mapping has a value for each ``label=value``, several labels joined by commas."""
    found: dict[tuple[str, Labels], float] = {}
    for name, value in metrics.items():
        for labels, one in value.items() if isinstance(value, Mapping) else [("", value)]:
            pairs = sorted(tuple(pair.split("=")) for pair in labels.split(",") if pair)
            found[name, tuple((label, text) for label, text in pairs)] = float(one)
    return found


def process(
    *readings: dict[tuple[str, Labels], float],
    every: float = 10.0,
    trouble: str = "",
    not_ready: tuple[str, ...] = (),
    address: str = AT,
) -> ProcessMetrics:
    """A process with these readings, `every` seconds apart, the last one at `NOW`."""
    first = NOW - every * (len(readings) - 1)
    found = tuple(Reading(first + every * place, one) for place, one in enumerate(readings))
    return ProcessMetrics(address, found, trouble, not_ready)


def well(**changes: float | Mapping[str, float]) -> ProcessMetrics:
    """A job that scores, of which all is well but for these."""
    before: dict[str, float | Mapping[str, float]] = {
        "fleet_messages_total": {"step=telemetry": 0},
        "fleet_events_total": {"status=ok": 0, "status=late": 0},
        "fleet_anomalies_total": 0,
        "fleet_duplicates_total": 0,
        "fleet_dead_letters_total": {"reason=not_json": 0, "reason=time": 0},
        "fleet_bad_values_total": {"signal=speed": 0},
        "fleet_late_for_rollup_total": 0,
        "fleet_vehicles": 40,
        "fleet_vehicles_forgotten_total": 0,
        "fleet_drifts_total": {"shard=0": 0},
        "fleet_threshold": {"shard=0": 5.0},
        "fleet_mean_error": {"shard=0": 1.5},
        "fleet_model_version": {"shard=0": 7},
        "fleet_event_time_timestamp_seconds": {"shard=0": NOW - 1.0},
        "fleet_latency_seconds_bucket": {"le=1.0": 0, "le=30.0": 0, "le=+Inf": 0},
        "fleet_snapshot_timestamp_seconds": NOW - 5.0,
        "fleet_last_message_timestamp_seconds": {"step=telemetry": NOW - 1.0, "step=alert-actions": 0.0},
        "fleet_mqtt_queued_messages": {"session=source": 3},
        "fleet_mqtt_unacknowledged_messages": {"session=source": 40},
        "fleet_recovery_free_bytes": float("nan"),
        "fleet_ready": 1,
        "process_resident_memory_bytes": 3e8,
        "process_cpu_seconds_total": 10,
    }
    after = before | {
        "fleet_messages_total": {"step=telemetry": 1000},
        "fleet_events_total": {"status=ok": 1000, "status=late": 0},
        "fleet_latency_seconds_bucket": {"le=1.0": 990, "le=30.0": 1000, "le=+Inf": 1000},
        "process_cpu_seconds_total": 15,
    }
    return process(values(**before), values(**(after | changes)))
