"""The page *History*: what one vehicle or two did on a day or over weeks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path

import pandas as pd
import streamlit as st

from config.errors import HistoryError
from config.settings import Settings
from dataflows.report.day import AlertLine, DayReport
from dataflows.report.drawing import route
from dataflows.report.html import html, tiles
from ui import palette
from ui.descriptions import unit_of
from ui.formatting import markdown, plain
from ui.history import charts as history_charts
from ui.history import frames as history_frames
from ui.history.answers import Period, alerts_of, latest_day, report_of, rollups_of, vehicles_in
from ui.vehicle import charts

DAYS, WEEK, MONTH = "Day", "Week", "Month"
LENGTHS = {DAYS: 1, WEEK: 7, MONTH: 30}
"""Name of a range → days."""

XMLNS = 'xmlns="http://www.w3.org/2000/svg"'
ROUTE_STYLE = (
    "<style>svg{max-width:100%;height:auto}"
    f".actual{{fill:none;stroke:{palette.NORMAL};stroke-width:2}}.flagged{{fill:{palette.ANOMALY}}}"
    f".start{{fill:#fff;stroke:{palette.NORMAL};stroke-width:3}}.end{{fill:{palette.NORMAL}}}</style>"
)
"""The picture is shown as an image, which no style of the page reaches."""

UNTIL = "until"
"""Key of the last day, also in the address of the page."""

LOOKED_BACK = timedelta(days=31)
"""In which the latest day of which anything is kept is looked for."""

MOST_VEHICLES = 2
CHARTS_PER_ROW = 2


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
    period = _period(directory)
    known = vehicles_in(directory, period)
    if not known:
        st.info(nothing(period), icon=":material/history:")
        return
    chosen = _vehicles(known)
    if not chosen:
        st.info(f"Choose a vehicle: {len(known):,} have sent something in this time.")
    elif period.is_one_day and len(chosen) == 1:
        _show_day(report_of(directory, chosen[0], period.first), settings, zone)
    else:
        _show_period(directory, chosen, period, settings, zone)


def nothing(period: Period) -> str:
    """Markdown: that nothing is kept of a period, and why that may be."""
    when = f"on {period.first}" if period.is_one_day else f"from {period.first} to {period.last}"
    return (
        f"Nothing is kept of any vehicle {when}. The recorder keeps what comes while it runs: "
        "`python -m bytewax.run dataflows.record`. The summaries of a minute come some minutes later."
    )


def _period(directory: Path | str) -> Period:
    """The days that the viewer has chosen; at first the latest one of which anything is kept."""
    today = datetime.now(UTC).date()
    row = st.container(horizontal=True, vertical_alignment="bottom")
    name = row.segmented_control(
        "Range", list(LENGTHS), default=DAYS, required=True, key="range", bind="query-params"
    )
    first = today
    if UNTIL not in st.query_params:
        first = latest_day(directory, Period(today - LOOKED_BACK, today)) or today
    last = row.date_input(
        "Last day, in UTC", first, max_value=today, key=UNTIL, bind="query-params", width=220
    )
    assert isinstance(last, date)
    return Period(last - timedelta(days=LENGTHS[name or DAYS] - 1), last)


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


def _show_day(report: DayReport, settings: Settings, zone: tzinfo) -> None:
    units = {name: signal.unit for name, signal in settings.signals.items()}
    with st.grid(min_column_width=165):
        for name, value in tiles(report, units):
            st.metric(name, value, border=True)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        st.subheader("Trips and stops", anchor=False)
        st.dataframe(history_frames.trip_frame(report.trips, units, zone), hide_index=True, key="trips")
        _show_alerts(report.alerts, zone)
    with right:
        st.subheader("Route", anchor=False)
        _show_route(report)
    st.download_button(
        "Download this day as a page",
        html(report, units),
        f"{plain(report.vehicle_id)} {report.day}.html",
        "text/html",
        icon=":material/download:",
        key="download_day",
    )
    st.subheader("Signals", anchor=False)
    if not report.charts:
        st.caption("The events of this day are no longer kept, or not yet.")
    for first in range(0, len(report.charts), CHARTS_PER_ROW):
        row = report.charts[first : first + CHARTS_PER_ROW]
        for column, chart in zip(st.columns(CHARTS_PER_ROW), row, strict=False):
            column.markdown(f":small[{markdown(chart.name)} :gray[{markdown(chart.unit)}]]")
            column.vega_lite_chart(
                history_frames.day_frame(chart), charts.signal_chart(), key=f"past_{chart.name}"
            )
    for line in report.commands:
        st.caption(markdown(line))


def _show_route(report: DayReport) -> None:
    picture = route(report.latitudes, report.longitudes, report.flagged)
    if picture is None:
        st.caption("No position is kept of this day.")
        return
    st.image(f"<svg {XMLNS} " + str(picture).removeprefix("<svg ").replace(">", f">{ROUTE_STYLE}", 1))
    st.caption("North is up. Ring: start, disc: end, red: anomalies.")


def _show_period(
    directory: Path | str, chosen: Sequence[str], period: Period, settings: Settings, zone: tzinfo
) -> None:
    rollups = rollups_of(directory, tuple(chosen), period)
    if not len(rollups):
        st.info(nothing(period), icon=":material/history:")
        return
    st.dataframe(_totals(rollups), hide_index=True, key="totals")
    st.markdown(f"**Anomalies by hour** :small[:gray[% of the events{_legend(chosen)}]]")
    st.vega_lite_chart(history_frames.hourly_frame(rollups), history_charts.hourly_chart(), key="hours")
    _show_alerts(alerts_of(directory, tuple(chosen), period), zone)
    shown = [name for name, signal in settings.signals.items() if signal.role != "position"]
    frame = history_frames.rollup_frame(rollups, shown)
    st.download_button(
        "Download the summaries as CSV",
        rollups.to_csv(index=False),
        f"rollups {period.first} {period.last}.csv",
        "text/csv",
        icon=":material/download:",
        key="download_rollups",
    )
    st.markdown(f"**Signals** :small[:gray[mean, lowest and highest{_legend(chosen)}]]")
    names = list(dict.fromkeys(frame["signal"]))
    for first in range(0, len(names), CHARTS_PER_ROW):
        row = names[first : first + CHARTS_PER_ROW]
        for column, name in zip(st.columns(CHARTS_PER_ROW), row, strict=False):
            unit = unit_of(name, settings.signals)
            column.markdown(f":small[{markdown(name)} :gray[{markdown(unit)}]]")
            part = frame[frame["signal"] == name].drop(columns="signal")
            column.vega_lite_chart(part, history_charts.long_chart(), key=f"long_{name}")


def _legend(chosen: Sequence[str]) -> str:
    if len(chosen) < MOST_VEHICLES:
        return ""
    first, second = chosen
    return f"; blue: {markdown(first, 40)}, orange: {markdown(second, 40)}"


def _totals(rollups: pd.DataFrame) -> pd.DataFrame:
    sums = rollups.groupby("vehicle_id")[["distance_km", "moving_s", "idle_s", "events", "anomalies"]].sum()
    return pd.DataFrame(
        {
            "Vehicle": list(map(plain, sums.index)),
            "Distance, km": sums["distance_km"].round(1),
            "Moving, h": (sums["moving_s"] / 3600.0).round(1),
            "Idle, h": (sums["idle_s"] / 3600.0).round(1),
            "Events": sums["events"],
            "Anomalies": sums["anomalies"],
        }
    )


def _show_alerts(alerts: Sequence[AlertLine], zone: tzinfo) -> None:
    st.subheader("Alerts", anchor=False)
    if not alerts:
        st.caption("None.")
        return

    def local(moment: datetime | None) -> str:
        return "still open" if moment is None else f"{moment.astimezone(zone):%d %b %H:%M}"

    rows = [
        {
            "From": local(alert.opened_at),
            "To": local(alert.cleared_at),
            "Severity": alert.severity,
            "What": plain(alert.summary, 200),
        }
        for alert in alerts
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True, key="past_alerts")
