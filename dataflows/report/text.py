"""Reports for the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from dataflows.report.day import DayReport
from dataflows.report.html import tiles
from dataflows.report.wording import amounts, clock, distance, duration


def print_day(report: DayReport, units: Mapping[str, str], console: Console) -> None:
    """Print what a vehicle did on a day."""
    console.print(Text.assemble((report.vehicle_id, "bold"), f", {report.day}, times in UTC"))
    console.print(Text(", ".join(f"{value} {name}" for name, value in tiles(report, units))))
    if report.alerts:
        table = _table("alert", "from", "to", "severity", "acknowledged by")
        for alert in report.alerts:
            until = clock(alert.cleared_at) if alert.cleared_at else "still open"
            row = (alert.summary, clock(alert.opened_at), until, alert.severity, alert.acknowledged_by or "–")
            table.add_row(*map(Text, row))
        console.print(table)
    if report.trips:
        table = _table("", "from", "to", "duration", "distance", "idle", "used", "anomalies")
        for trip in report.trips:
            table.add_row(
                "trip" if trip.moving else "stop",
                clock(trip.start),
                clock(trip.end),
                duration(trip.duration.total_seconds()),
                distance(trip.distance_km) if trip.moving else "",
                duration(trip.idle_s) if trip.idle_s else "",
                amounts(trip.used, dict(units)) if trip.moving else "",
                f"{trip.anomalies:,}" if trip.anomalies else "",
                style=None if trip.moving else "dim",
            )
        console.print(table)
    for command in report.commands:
        console.print(Text(command))


def print_fleet(reports: Sequence[DayReport], console: Console) -> None:
    """Print a line for every vehicle."""
    table = _table("vehicle", "trips", "distance", "on the way", "idle", "anomalies", "alerts")
    for report in reports:
        table.add_row(
            Text(report.vehicle_id),
            f"{sum(trip.moving for trip in report.trips):,}",
            distance(report.distance_km),
            duration(report.moving_s),
            duration(report.idle_s),
            f"{report.anomalies:,}",
            f"{len(report.alerts):,}",
        )
    console.print(table)


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    texts = ("", "alert", "vehicle", "from", "to", "severity", "used", "acknowledged by")
    for column in columns:
        table.add_column(column, justify="left" if column in texts else "right")
    return table
