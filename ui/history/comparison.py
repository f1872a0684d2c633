"""One vehicle or two over some time: sums, anomalies by hour, alerts, and signals."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from pathlib import Path

import pandas as pd
import streamlit as st

from config.settings import Settings
from ui.formatting import plain
from ui.history.alert_table import show_alerts
from ui.history.answers import alerts_of, report_of
from ui.history.downloads import show_downloads
from ui.history.period import EVENTS_UP_TO, Period
from ui.history.signals import show_event_signals, show_hours, show_rollup_signals


def show_comparison(
    directory: Path | str,
    vehicles: Sequence[str],
    rollups: pd.DataFrame,
    period: Period,
    settings: Settings,
    zone: tzinfo,
) -> None:
    """Draw all of it.

    Args:
        directory: of the history.
        vehicles: one or two.
        rollups: theirs, at least one.
        period: which.
        settings: all settings.
        zone: of the viewer.

    Raises:
        HistoryError: the history cannot be read.
    """
    st.dataframe(totals(rollups), hide_index=True, key="totals")
    show_hours(rollups, vehicles, period)
    show_alerts(alerts_of(directory, tuple(vehicles), period), zone, with_vehicle=len(vehicles) > 1)
    reports = []
    if period.length <= EVENTS_UP_TO:
        reports = [report_of(directory, vehicle, period) for vehicle in vehicles]
    has_events = any(report.charts for report in reports)
    if has_events:
        show_event_signals(reports, period)
    else:
        show_rollup_signals(rollups, vehicles, period, settings)
    with st.container(horizontal=True):
        show_downloads(directory, "events" if has_events else "rollups", vehicles, period)


def totals(rollups: pd.DataFrame) -> pd.DataFrame:
    """One row per vehicle: what it drove, for how long it moved and idled, events and anomalies."""
    sums = rollups.groupby("vehicle_id")[["distance_km", "moving_s", "idle_s", "events", "anomalies"]].sum()
    return pd.DataFrame(
        {
            "Vehicle": list(map(plain, sums.index)),
            "Distance, km": sums["distance_km"].round(1),
            "Moving, h": (sums["moving_s"] / 3600.0).round(1),
            "Idle, h": (sums["idle_s"] / 3600.0).round(1),
            "Events": sums["events"],
            "Anomalies": sums["anomalies"],
            "Anomalies, %": (100.0 * sums["anomalies"] / sums["events"]).round(2),
        }
    )
