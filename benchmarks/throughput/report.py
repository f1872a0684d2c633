"""Prints the figures of `benchmarks.throughput` as tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.table import Table

from benchmarks.throughput.beside_peers import PEERS
from benchmarks.throughput.figures import Report

FLOWS = {
    "in_process": ("in process, without broker", "without scoring"),
    "alerts": ("in process, with every step", "without alerts"),
    "rollups": ("in process, with every step", "without rollups"),
    "kafka": ("Kafka to Kafka, 1 process", "without scoring"),
    "kafka_two_processes": ("Kafka to Kafka, 2 processes", "without scoring"),
    "mqtt": ("MQTT to MQTT, 1 event per message", "paho alone"),
    "mqtt_lists": ("MQTT to MQTT, 50 events per message", "paho alone"),
}
GROWTH = ("vehicles", "signals", "shards", "processes")
UNITS = {
    "events_per_second": "events/s",
    "state_bytes_per_vehicle": "state B/vehicle",
    "memory_bytes_per_vehicle": "memory B/vehicle",
    "snapshot_seconds": "snapshot s",
    "restore_seconds": "restore s",
}


def tables(report: Report) -> Iterator[Table]:
    """One table for each kind of part that was measured.

    Args:
        report: part → figures.
    """
    flows = {name: report[name] for name in FLOWS if name in report}
    if flows:
        yield _flows(flows)
    if report.get("peers"):
        yield _peers(report["peers"])
    for part in GROWTH:
        if part in report:
            yield _growth(part, report[part])


def _flows(flows: Mapping[str, Mapping[str, Any]]) -> Table:
    table = _table("", "events/s", "upper limit", "events/s", "ratio")
    for name, figures in flows.items():
        title, limit = FLOWS[name]
        speed, limit_speed = (f"{figures[key]:,}" for key in ("events_per_second", "limit_events_per_second"))
        table.add_row(title, speed, limit, limit_speed, f"{figures['ratio']:.2f}")
    if "kafka" in flows and "kafka_two_processes" in flows:
        table.caption = _times(flows["kafka"], flows["kafka_two_processes"])
    return table


def _times(one: Mapping[str, Any], two: Mapping[str, Any]) -> str:
    return f"2 processes: {two['events_per_second'] / one['events_per_second']:.2f} × 1"


def _peers(peers: Mapping[str, Mapping[str, Any]]) -> Table:
    table = _table("peer", "events/s", "times slower", "than")
    for name, figures in peers.items():
        speed, slower = f"{figures['events_per_second']:,}", f"{figures['times_slower']:.1f}"
        table.add_row(name, speed, slower, FLOWS[PEERS[name].than][0])
    return table


def _growth(part: str, figures: Mapping[str, Mapping[str, float]]) -> Table:
    keys = list(dict.fromkeys(key for values in figures.values() for key in values))
    table = _table(part, *(UNITS.get(key, key) for key in keys))
    for size, values in figures.items():
        row = (f"{values[key]:,}" if key in values else "–" for key in keys)
        table.add_row(f"{int(size):,}", *row)
    if part == "processes":
        table.caption = _times(figures["1"], figures["2"])
    return table


def _table(first: str, *others: str) -> Table:
    table = Table()
    table.add_column(first)
    for title in others:
        table.add_column(title, justify="left" if title in ("upper limit", "than") else "right")
    return table
