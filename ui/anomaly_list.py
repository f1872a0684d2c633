"""The list of recent anomalies: one row per run, the latest first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo

import pandas as pd
import streamlit as st

from config.settings import Settings
from ui import palette
from ui.anomaly_runs import AnomalyRun
from ui.clock_time import clock_time
from ui.descriptions import describe_anomaly
from ui.fleet_table import button_label, vehicle_button
from ui.formatting import duration

MAX_ROWS = 50
ROW_HEIGHT = 32
"""Pixels."""


def anomaly_frame(runs: Sequence[AnomalyRun], settings: Settings, zone: tzinfo) -> pd.DataFrame:
    """One row per run: ``Started``, ``Vehicle``, ``Severity`` (highest), ``Lasted``, ``What stood out``."""
    return pd.DataFrame(
        [
            {
                "Started": clock_time(datetime.fromtimestamp(run.started_at, UTC), zone),
                "Vehicle": button_label(run.worst.vehicle_id),
                "Severity": run.worst.severity,
                "Lasted": duration(run.ended_at - run.started_at) if run.events > 1 else "1 event",
                "What stood out": describe_anomaly(run.worst, settings.signals),
            }
            for run in runs[:MAX_ROWS]
        ],
        columns=["Started", "Vehicle", "Severity", "Lasted", "What stood out"],
    )


def show_anomalies(runs: Sequence[AnomalyRun], settings: Settings, zone: tzinfo, height: int) -> None:
    """Draw the list, or say that there are no anomalies.

    Args:
        runs: the latest first.
        settings: `signals` is used.
        zone: of the viewer.
        height: of the list at most, in pixels.
    """
    if not runs:
        st.caption("No anomalies since this page was started.")
        return
    st.dataframe(
        anomaly_frame(runs, settings, zone),
        key="anomaly_list",
        hide_index=True,
        height=min(height, (min(len(runs), MAX_ROWS) + 1) * ROW_HEIGHT + 3),
        row_height=ROW_HEIGHT,
        column_config={
            "Started": st.column_config.TextColumn(width=70),
            "Vehicle": vehicle_button("anomaly_list_click"),
            "Severity": st.column_config.ProgressColumn(
                format="%.0f", min_value=0, max_value=100, width=80, color=palette.ANOMALY
            ),
            "Lasted": st.column_config.TextColumn(width=60),
            "What stood out": st.column_config.TextColumn(width=370),
        },
    )
