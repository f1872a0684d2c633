"""The page *Pipeline*: what an operator needs to know of the jobs at three in the morning."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo

import pandas as pd
import streamlit as st

from config.settings import Settings
from ui.formatting import duration, latency, number
from ui.live.fleet_state import FleetSnapshot
from ui.pipeline import figures
from ui.pipeline.charts import HEIGHT, latency_chart, latency_frame, rate_chart, rate_frame
from ui.pipeline.findings import Finding, findings
from ui.pipeline.metrics_scraper import ProcessMetrics
from ui.pipeline.tables import (
    UNKNOWN,
    bad_values_frame,
    dead_letter_frame,
    process_frame,
    reason_frame,
    shard_frame,
)

NOT_ASKED = "not asked yet"


def show_pipeline(
    settings: Settings, fleet: FleetSnapshot, processes: Sequence[ProcessMetrics], zone: tzinfo
) -> None:
    """Draw the page: what is wrong, figures of all processes together, then tables that say where."""
    st.markdown(summary(processes))
    reachable = [process for process in processes if process.latest is not None]
    if not reachable and not any(process.readings for process in processes):
        st.info(how_to_see_metrics(settings), icon=":material/monitoring:")
    else:
        _findings(findings(settings, processes))
    if reachable:
        _figures(settings, reachable)
        _charts(reachable)
    if processes:
        _table(
            "Processes", "each is a worker, and uses one core at most", process_frame(processes), "processes"
        )
    if reachable:
        _table(
            "Detectors",
            "one for each shard; 1 is a usual error, and what is above the threshold is flagged",
            shard_frame(reachable),
            "shards",
        )
    _dead_letters(fleet, reachable, zone)


def summary(processes: Sequence[ProcessMetrics]) -> str:
    """Markdown: how many processes are ready, and answer."""
    if not processes:
        return ":gray-badge[:material/visibility_off: no metrics are read]"
    if all(process.trouble == NOT_ASKED for process in processes):
        return ":gray-badge[:material/hourglass_empty: the processes are being asked]"
    up = sum(process.latest is not None for process in processes)
    ready = sum(process.latest is not None and not process.not_ready for process in processes)
    if ready == len(processes):
        return f":green-badge[:material/check_circle: {ready} of {ready} processes are ready]"
    colour, icon = ("orange", "warning") if up else ("red", "error")
    answers = f", {up} answer" if up != ready else ""
    return f":{colour}-badge[:material/{icon}: {ready} of {len(processes)} processes are ready{answers}]"


def how_to_see_metrics(settings: Settings) -> str:
    """Markdown: how to make the jobs serve metrics, and where the page looks for them."""
    where = ", ".join(f"`{address}`" for address in settings.page.metrics) or "nowhere"
    return (
        "No process of a job serves metrics here. Start each with a port of its own, such as "
        "`FLEET__MONITORING__PORT=9464`, and name their addresses in `page.metrics`; the page looks at "
        f"{where}."
    )


def _findings(found: Sequence[Finding]) -> None:
    if not found:
        st.success("Nothing is over a limit.", icon=":material/check_circle:")
    for level, box, icon in (
        ("critical", st.error, ":material/error:"),
        ("warning", st.warning, ":material/warning:"),
    ):
        # One box for all: several would push the figures off the screen.
        lines = [f"{one.text}  \n:small[{one.action}]" for one in found if one.level == level]
        if lines:
            box("\n\n".join(lines), icon=icon)


def _figures(settings: Settings, processes: Sequence[ProcessMetrics]) -> None:
    lately = figures.rise(processes, figures.EVENTS)
    half, most = (figures.latency(processes, share) for share in (0.5, 0.95))
    waiting = [count for one in processes if (count := figures.behind(one)) is not None]
    ages = [age for one in processes if (age := figures.snapshot_age(one)) is not None]
    anomalies = figures.rise(processes, figures.ANOMALIES)
    age = figures.event_time_age(processes)
    shown = {
        "Events/s": (
            number(figures.rate(processes, figures.EVENTS)),
            "Scored in the last ten seconds.",
        ),
        "Latency, half": (
            _time(half),
            "Half of the last minute's events took less, from event time to result.",
        ),
        "Latency, 95 %": (_time(most), "One event in twenty of the last minute took longer."),
        "To read": (
            f"{sum(waiting):,.0f}" if waiting else UNKNOWN,
            "Messages that are at the broker or in the queue.",
        ),
        "Event time lag": (_time(age), "How far the newest event of the fleet is behind the clock."),
        "Oldest snapshot": (
            duration(max(ages)) if ages else UNKNOWN,
            "A restart now would repeat what came after it. With recovery it is stored.",
        ),
        "Flagged": (
            f"{anomalies / lately:.2%}" if lately else UNKNOWN,
            f"Of the last minute's events; {100.0 - settings.detector.percentile:.2g} % is normal.",
        ),
        "Dead letters/min": (
            f"{figures.rise(processes, figures.DEAD_LETTERS):,.0f}",
            "Events that could not be decoded in the last minute.",
        ),
    }
    with st.grid(min_column_width=158):
        for label, (value, about) in shown.items():
            st.metric(label, value, border=True, help=about)
    st.caption(since_the_start(processes))


def since_the_start(processes: Sequence[ProcessMetrics]) -> str:
    """What the processes have counted since they were started, and what they know, in a line."""
    counts = {
        "events": figures.EVENTS,
        "duplicates, dropped": figures.DUPLICATES,
        "late for their rollup": figures.LATE,
        "drifts": figures.DRIFTS,
    }
    parts = [f"{figures.total(processes, name):,.0f} {what}" for what, name in counts.items()]
    vehicles = figures.total(processes, figures.VEHICLES)
    return f"Since the start: {' · '.join(parts)}. {vehicles:,.0f} vehicles are known."


def _charts(processes: Sequence[ProcessMetrics]) -> None:
    rates, latencies = st.columns(2, gap="medium")
    with rates:
        st.markdown("**Events per second** :small[:gray[by process, last five minutes]]")
        st.echarts_chart(rate_chart(rate_frame(processes)), key="rates", height=HEIGHT)
    with latencies:
        st.markdown("**Latency in seconds** :small[:gray[of all processes, last five minutes]]")
        frame = latency_frame(processes)
        if len(frame):
            st.echarts_chart(latency_chart(frame), key="latencies", height=HEIGHT)
        else:
            st.caption("No event has been scored yet.")


def _dead_letters(fleet: FleetSnapshot, processes: Sequence[ProcessMetrics], zone: tzinfo) -> None:
    about = f"{fleet.dead_letters:,} since this page was started; the latest with their first bytes"
    _table("Dead letters", about, dead_letter_frame(fleet.latest_dead_letters, zone), "dead_letters")
    if not processes:
        return
    reasons, values = st.columns(2, gap="medium")
    with reasons:
        _table("Dead letters by reason", "of all processes", reason_frame(processes), "reasons")
    with values:
        _table(
            "Values that could not be read",
            "by signal, since the start; missing in their event",
            bad_values_frame(processes),
            "bad_values",
        )


def _table(title: str, about: str, frame: pd.DataFrame, key: str) -> None:
    st.markdown(f"**{title}** :small[:gray[{about}]]")
    st.dataframe(frame, hide_index=True, key=key) if len(frame) else st.caption("None.")


def _time(seconds: float | None) -> str:
    return UNKNOWN if seconds is None else latency(seconds)
