"""The page *History*: what one vehicle or two did in some hours, on a day or over weeks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from pathlib import Path

import streamlit as st

from config.errors import HistoryError
from config.settings import Settings
from ui import links
from ui.formatting import markdown, plain
from ui.history.answers import latest_day, report_of, rollups_of, vehicles_in
from ui.history.comparison import show_comparison
from ui.history.detail import show_detail
from ui.history.period import DETAILS_UP_TO, Period, show_period
from ui.history.signals import MOST_VEHICLES
from ui.replay import session
from ui.replay.choosing import LONGEST, query_of_replay


def show_history(settings: Settings, zone: tzinfo) -> None:
    """Draw the page."""
    st.title("History", anchor=False)
    directory = settings.history.directory
    if directory is None:
        st.info("Nothing is kept: `history.directory` is empty in the settings.")
        return
    try:
        _show(settings, directory, zone)
    except HistoryError as error:
        st.error(f"The history cannot be read: {markdown(str(error), 500)}", icon=":material/error:")


def _show(settings: Settings, directory: Path | str, zone: tzinfo) -> None:
    period = show_period(zone, lambda: latest_day(directory, zone))
    if period is None:
        return
    known = vehicles_in(directory, period)
    if not known:
        st.info(nothing(period), icon=":material/history:")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = _vehicles(known)
        if period.length <= LONGEST:
            st.button(
                "Replay this", icon=":material/replay:", key="replay_this", on_click=_replay, args=(period,)
            )
    if not chosen:
        st.info(f"Choose a vehicle: {len(known):,} have sent something in this time.")
        return
    rollups = rollups_of(directory, tuple(chosen), period)
    if period.length <= DETAILS_UP_TO and len(chosen) == 1:
        report = report_of(directory, chosen[0], period)
        show_detail(directory, report, rollups, period, settings, zone)
    elif len(rollups):
        show_comparison(directory, chosen, rollups, period, settings, zone)
    else:
        st.info(nothing(period), icon=":material/history:")


def nothing(period: Period) -> str:
    """Markdown: that nothing is kept of a period, and why that may be."""
    return (
        f"Nothing is kept of any vehicle {period.words}. The recorder keeps what comes while it runs: "
        "`python -m bytewax.run dataflows.record`. The summaries of a minute come some minutes later."
    )


def _replay(period: Period) -> None:
    session.end()
    links.go_to("replay", query_of_replay(period.start, period.end))


def _vehicles(known: Sequence[str]) -> list[str]:
    asked = st.query_params.get_all("vehicle")
    if "history_vehicles" not in st.session_state:
        live = st.session_state.get("chosen")
        first = [vehicle for vehicle in (*asked, live) if vehicle in known]
        st.session_state.history_vehicles = list(dict.fromkeys(first))[:MOST_VEHICLES] or known[:1]
    else:
        st.session_state.history_vehicles = [
            vehicle for vehicle in st.session_state.history_vehicles if vehicle in known
        ]
    chosen: list[str] = st.multiselect(
        "Vehicle, or two to compare",
        known,
        key="history_vehicles",
        max_selections=MOST_VEHICLES,
        format_func=plain,
    )
    if chosen != asked:
        st.query_params["vehicle"] = chosen
    return chosen
