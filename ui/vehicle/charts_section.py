"""The section with the charts of a vehicle."""

from __future__ import annotations

import streamlit as st

from config.settings import Settings
from dataflows.clock import microseconds
from dataflows.events import Enriched
from ui.formatting import plain
from ui.vehicle.chart_spec import height_of, option_of, rows_of
from ui.vehicle.choice import Choice
from ui.vehicle.loading import Loaded
from ui.vehicle.stretches import with_pauses
from ui.vehicle.window import Window
from ui.vehicle.words import remark_on

MOST_SIGNALS = 20
"""Signals that are drawn; the table has all of them."""

LEGEND = ":blue[**—**] measured  :gray[**▒**] expected  :orange[**- -**] limit  :red[**▒**] anomaly"
LEGEND_OF_SUMMARY = (
    ":blue[**—**] mean of each minute  :gray[**▒**] least to largest"
    "  :orange[**- -**] limit  :red[**▒**] anomaly"
)


def show_charts(
    loaded: Loaded, window: Window, event: Enriched | None, choice: Choice, settings: Settings
) -> None:
    """Draw severity and signals over a window, or say that nothing is known of it.

    Args:
        loaded: the vehicle in the window.
        window: that is shown.
        event: the moment that is shown; ``None`` if nothing is known of it.
        choice: what is shown.
        settings: the catalogue is used.
    """
    series = with_pauses(loaded.series)
    if not len(series):
        st.info(loaded.note or "Nothing is known of this vehicle in this time.", icon=":material/history:")
        return
    moment = ":orange[**|**] moment" if choice.at is not None else ""
    st.markdown(f":small[{LEGEND_OF_SUMMARY if series.is_summary else LEGEND}  {moment}]")
    signals = settings.signals
    words = {} if event is None else {name: remark_on(name, event, settings) for name in signals}
    values = {} if event is None else event.values
    rows = rows_of(series, signals, words, values, MOST_SIGNALS)
    at = None if choice.at is None else microseconds(choice.at)
    st.echarts_chart(
        option_of(series, rows, window, at),
        key="vehicle_charts",
        height=height_of(len(rows)),
        alt=f"Severity and signals of {plain(choice.vehicle_id, 40)} over time",
    )
    if loaded.note:
        st.caption(loaded.note)
    if len(series.signals) > MOST_SIGNALS:
        st.caption(
            f"{MOST_SIGNALS} of {len(series.signals)} signals are drawn: those that stood out, and the first "
            "of the catalogue. The table has all of them."
        )
