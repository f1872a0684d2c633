"""The page *Pipeline*: what an operator needs to know of the job at three in the morning."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from itertools import pairwise

import pandas as pd
import streamlit as st

from config.settings import Settings
from dataflows.events import DeadLetter
from ui.clock_time import clock_time
from ui.formatting import number, plain
from ui.live.fleet_state import FleetSnapshot
from ui.pipeline.metrics_scraper import ProcessMetrics
from ui.vehicle import charts

LONGEST_SAMPLE = 120
"""Characters of a dead letter that are shown."""

EVENTS, ANOMALIES = "fleet_events_total", "fleet_anomalies_total"
DEAD_LETTERS, DUPLICATES = "fleet_dead_letters_total", "fleet_duplicates_total"
LATE, ROLLUPS, BAD_VALUES = "fleet_late_for_rollup_total", "fleet_rollups_total", "fleet_bad_values_total"
LAG, VEHICLES = "fleet_kafka_consumer_lag_messages", "fleet_vehicles"


def show_pipeline(
    settings: Settings, fleet: FleetSnapshot, processes: Sequence[ProcessMetrics], zone: tzinfo
) -> None:
    """Draw the page: figures of all processes together, a row for each, what was not decoded."""
    st.markdown(summary(processes))
    reachable = [process for process in processes if process.latest is not None]
    if not reachable:
        st.info(how_to_see_metrics(settings), icon=":material/monitoring:")
    else:
        _figures(reachable)
    if processes:
        st.dataframe(process_frame(processes), hide_index=True, key="processes")
    if reachable:
        chart, values = st.columns([3, 2], gap="medium")
        with chart:
            st.markdown("**Events per second** :small[:gray[of all processes, last five minutes]]")
            st.vega_lite_chart(rate_frame(reachable), charts.rate_chart(), key="rates")
        with values:
            st.markdown("**Values that could not be read** :small[:gray[by signal, since the start]]")
            bad = bad_values_frame(reachable)
            st.dataframe(bad, hide_index=True, key="bad_values") if len(bad) else st.caption("None.")
    st.markdown(f"**Dead letters** :small[:gray[{fleet.dead_letters:,} since this page was started]]")
    letters = dead_letter_frame(fleet.latest_dead_letters, zone)
    st.dataframe(letters, hide_index=True, key="dead_letters") if len(letters) else st.caption("None.")


def summary(processes: Sequence[ProcessMetrics]) -> str:
    """Markdown: how many processes answer."""
    up = sum(process.latest is not None for process in processes)
    if not processes:
        return ":gray-badge[no metrics are read]"
    colour = "green" if up == len(processes) else "orange" if up else "red"
    return f":{colour}-badge[{up} of {len(processes)} processes of the job answer]"


def how_to_see_metrics(settings: Settings) -> str:
    """Markdown: how to make the job serve metrics, and where the page looks for them."""
    where = ", ".join(f"`{address}`" for address in settings.page.metrics) or "nowhere"
    return (
        "No process of the job serves metrics here. Start it with `BYTEWAX_DATAFLOW_API_ENABLED=1`, and name "
        f"the address of each process in `page.metrics`; the page looks at {where}."
    )


def process_frame(processes: Sequence[ProcessMetrics]) -> pd.DataFrame:
    """One row per process; rates are per second, the other figures since it was started."""
    rows = []
    for process in processes:
        latest = process.latest
        row = {"Process": process.address, "State": "answers" if latest else plain(process.trouble, 100)}
        if latest is not None:
            events = latest.total(EVENTS)
            row |= {
                "Events/s": number(process.rate(EVENTS)),
                "Flagged": f"{latest.total(ANOMALIES) / events:.2%}" if events else "",
                "Late": f"{latest.total(EVENTS, status='late') / events:.2%}" if events else "",
                "Partial": f"{latest.total(EVENTS, status='partial') / events:.2%}" if events else "",
                "Duplicates": f"{latest.total(DUPLICATES):,.0f}",
                "Dead letters": f"{latest.total(DEAD_LETTERS):,.0f}",
                "Late for rollup": f"{latest.total(LATE):,.0f}",
                "Consumer lag": _lag(process),
                "Vehicles": f"{latest.total(VEHICLES):,.0f}",
            }
        rows.append(row)
    return pd.DataFrame(rows).fillna("")


def rate_frame(processes: Sequence[ProcessMetrics]) -> pd.DataFrame:
    """The columns of `rate_chart`: events per second between two readings of each process."""
    rows = []
    for process in processes:
        for before, after in pairwise(process.readings):
            rise = after.total(EVENTS) - before.total(EVENTS)
            if rise >= 0.0 and after.at > before.at:
                rows.append(
                    (
                        pd.Timestamp(after.at, unit="s", tz="UTC"),
                        process.address,
                        rise / (after.at - before.at),
                    )
                )
    return pd.DataFrame(rows, columns=["time", "process", "rate"])


def bad_values_frame(processes: Sequence[ProcessMetrics]) -> pd.DataFrame:
    """Signal and number of values that could not be read, the most first."""
    sums: dict[str, float] = {}
    for process in processes:
        if process.latest is not None:
            for signal, count in process.latest.by_label(BAD_VALUES, "signal").items():
                sums[signal] = sums.get(signal, 0.0) + count
    rows = [
        (plain(signal), f"{count:,.0f}")
        for signal, count in sorted(sums.items(), key=lambda it: -it[1])
        if count
    ]
    return pd.DataFrame(rows, columns=["Signal", "Values"])


def dead_letter_frame(letters: Sequence[DeadLetter], zone: tzinfo) -> pd.DataFrame:
    """One row per dead letter: when, why, where from, and how it begins."""
    rows = [
        {
            "Arrived": clock_time(letter.arrived_at, zone),
            "Reason": plain(letter.reason, 200),
            "Topic": plain(letter.topic, 60),
            "Bytes": f"{letter.length or len(letter.payload):,}",
            "Begins with": plain(letter.payload.decode("utf-8", "replace"), LONGEST_SAMPLE),
        }
        for letter in letters
    ]
    return pd.DataFrame(rows, columns=["Arrived", "Reason", "Topic", "Bytes", "Begins with"])


def _figures(processes: Sequence[ProcessMetrics]) -> None:
    def total(name: str, **labels: str) -> float:
        return sum(one.latest.total(name, **labels) for one in processes if one.latest is not None)

    def rate(name: str) -> float:
        return sum(process.rate(name) for process in processes)

    events = total(EVENTS)
    with st.grid(min_column_width=170):
        st.metric("Events per second", number(rate(EVENTS)), border=True)
        st.metric("Flagged", f"{total(ANOMALIES) / events:.2%}" if events else "–", border=True)
        st.metric("Dead letters per min", number(60.0 * rate(DEAD_LETTERS)), border=True)
        st.metric("Duplicates", f"{total(DUPLICATES):,.0f}", border=True)
        st.metric("Late for rollup", f"{total(LATE):,.0f}", border=True)
        st.metric("Vehicles", f"{total(VEHICLES):,.0f}", border=True)


def _lag(process: ProcessMetrics) -> str:
    latest = process.latest
    partitions = {} if latest is None else latest.by_label(LAG, "partition")
    return f"{sum(partitions.values()):,.0f}" if partitions else "–"
