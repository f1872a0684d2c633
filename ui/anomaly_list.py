"""The recent anomalies, one line a run of them, the latest first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo

import pandas as pd
import streamlit as st

from config.settings import Settings
from ui import palette
from ui.anomaly_episodes import AnomalyEpisode
from ui.clock_time import clock_time
from ui.fleet_table import button_label, vehicle_button
from ui.signal_values import SignalReader
from ui.words import anomaly_words, duration

SHOWN = 50
ROW_HEIGHT = 32


def anomaly_frame(
    episodes: Sequence[AnomalyEpisode], settings: Settings, reader: SignalReader, zone: tzinfo
) -> pd.DataFrame:
    """One row an episode: ``Began``, ``Vehicle``, ``Severity`` (its highest), ``For``, ``What stood out``."""
    return pd.DataFrame(
        [
            {
                "Began": clock_time(datetime.fromtimestamp(episode.started_at, UTC), zone),
                "Vehicle": button_label(episode.worst.vehicle_id),
                "Severity": episode.worst.severity,
                "For": duration(episode.ended_at - episode.started_at) if episode.events > 1 else "once",
                "What stood out": anomaly_words(
                    episode.worst, reader.values(episode.worst.telemetry), settings.signals
                ),
            }
            for episode in episodes[:SHOWN]
        ],
        columns=["Began", "Vehicle", "Severity", "For", "What stood out"],
    )


def show_anomalies(
    episodes: Sequence[AnomalyEpisode], settings: Settings, reader: SignalReader, zone: tzinfo, height: int
) -> None:
    """Draw the list, or say that there was no anomaly."""
    if not episodes:
        st.caption("No anomaly since this page was started.")
        return
    st.dataframe(
        anomaly_frame(episodes, settings, reader, zone),
        key="anomaly_list",
        hide_index=True,
        height=min(height, (min(len(episodes), SHOWN) + 1) * ROW_HEIGHT + 3),
        row_height=ROW_HEIGHT,
        column_config={
            "Began": st.column_config.TextColumn(width=70),
            "Vehicle": vehicle_button("anomaly_list_click"),
            "Severity": st.column_config.ProgressColumn(
                format="%.0f", min_value=0, max_value=100, width=80, color=palette.ANOMALY
            ),
            "For": st.column_config.TextColumn(width=50),
            "What stood out": st.column_config.TextColumn(width=380),
        },
    )
