"""A report as a single HTML file: it needs no network, and can be mailed and printed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from dataflows.clock import utc
from dataflows.report.day import DayReport
from dataflows.report.drawing import route, signal_chart
from dataflows.report.wording import amounts, clock, distance, duration

MARGIN = timedelta(minutes=2)

TEMPLATE = Path(__file__).with_name("page.html")


def html(report: DayReport, units: Mapping[str, str]) -> str:
    """The page.

    Args:
        report: what to draw.
        units: signal → its unit.
    """
    environment = Environment(
        loader=FileSystemLoader(TEMPLATE.parent), autoescape=True, undefined=StrictUndefined
    )
    start, end = _shown(report)
    charts = [(chart, signal_chart(chart.line, start, end, chart.limits)) for chart in report.charts]
    return environment.get_template(TEMPLATE.name).render(
        report=report,
        tiles=tiles(report, units),
        route=route(report.latitudes, report.longitudes, report.flagged),
        charts=charts,
        units=dict(units),
        amounts=amounts,
        clock=clock,
        distance=distance,
        duration=duration,
    )


def _shown(report: DayReport) -> tuple[datetime, datetime]:
    """The part of the day in which it sent anything, and a little more."""
    times = [time for chart in report.charts for time in (chart.line.times[0], chart.line.times[-1])]
    if not times:
        return report.start, report.end
    first, last = utc(int(min(times))), utc(int(max(times)))
    return max(report.start, first - MARGIN), min(report.end, last + MARGIN)


def tiles(report: DayReport, units: Mapping[str, str]) -> list[tuple[str, str]]:
    """What the day comes to: pairs of a name and a value."""
    trips = sum(trip.moving for trip in report.trips)
    found = [
        ("driven", distance(report.distance_km)),
        ("on the way", duration(report.moving_s)),
        ("idling", duration(report.idle_s)),
        ("trip" if trips == 1 else "trips", f"{trips:,}"),
        ("alert" if len(report.alerts) == 1 else "alerts", f"{len(report.alerts):,}"),
        ("anomalies", f"{report.anomalies:,}"),
    ]
    return found + [
        (f"{name} used", f"{amount:,.3g} {units.get(name, '')}") for name, amount in report.used.items()
    ]
