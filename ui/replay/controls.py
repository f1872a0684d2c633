"""The controls of a replay: its time, its speed, and the alerts that were opened in it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import tzinfo

import pandas as pd
import streamlit as st

from dataflows.clock import SECOND
from dataflows.events import SEVERITIES
from ui import palette
from ui.formatting import button_label, duration, markdown, plain
from ui.replay import session
from ui.replay.bar import STEP, follow_replay, jump, moment, show_pause
from ui.replay.clock import SPEEDS
from ui.replay.feed import ReplayFeed
from ui.replay.recording import Opening, openings
from ui.replay.strip import show_timeline
from ui.viewer import Viewer

BEFORE = 30.0
"""Recorded seconds before an alert that a jump to it goes to, so that one sees it come."""

NEXT_TO = 5.0
"""Recorded seconds within which a moment is that of a jump to an alert: *previous* goes to the one before."""

MOST_ROWS = 200
"""Alerts in the table, at most."""

_OPENED, _CLICK = "replay_opened", "replay_alert_click"


def show_controls(replay: ReplayFeed, viewer: Viewer) -> None:
    """Draw the page of a session that replays."""
    zone = viewer.zone
    opened = _opened(replay)
    drawn_for = replay.refresh

    def time() -> None:
        follow_replay(replay, drawn_for)
        show_timeline(replay, opened, zone, lambda at: jump(replay, at))
        _show_buttons(replay, opened)

    def figures() -> None:
        _show_figures(replay, viewer)

    st.markdown(_what(replay, zone))
    viewer.sections.section("replay_time", time, ("replay",))
    viewer.sections.section("replay_figures", figures, ("fleet", "alerts", "clock", "replay"))
    _show_opened(replay, opened, zone)
    st.button("Choose another recording", key="replay_end", icon=":material/eject:", on_click=session.end)


def _what(replay: ReplayFeed, zone: tzinfo) -> str:
    recording = replay.recording
    start, end = recording.start / SECOND, recording.end / SECOND
    events = int(recording.timeline.events.sum())
    parts = [
        f"**{markdown(recording.name, 200)}**",
        f"{markdown(moment(start, zone))} to {markdown(moment(end, zone))}",
        f"{duration(end - start)}, {events:,} events",
    ]
    if recording.alerts_trouble:
        parts.append(f":orange[without all alerts: {markdown(recording.alerts_trouble, 300)}]")
    return " :gray[·] ".join(parts)


def _show_buttons(replay: ReplayFeed, opened: Sequence[Opening]) -> None:
    clock = replay.clock
    before, after = neighbours(opened, clock.at)

    def button(label: str, icon: str, key: str, to: float | None, text: str) -> None:
        st.button(label, key=f"replay_{key}", icon=f":material/{icon}:", disabled=to is None, help=text,
                  on_click=jump, args=(replay, clock.at if to is None else to))  # fmt: skip

    with st.container(horizontal=True, vertical_alignment="center"):
        show_pause(replay, "replay")
        button("1 min", "replay", "back", clock.at - STEP, "A minute back")
        button("1 min", "forward_media", "on", clock.at + STEP, "A minute on")
        button("Alert", "skip_previous", "before", before, "To the alert before")
        button("Alert", "skip_next", "after", after, "To the next alert")
        st.session_state.replay_speed = clock.speed
        st.segmented_control(
            "Speed",
            SPEEDS,
            key="replay_speed",
            required=True,
            format_func=lambda speed: f"{speed}×",
            label_visibility="collapsed",
            on_change=lambda: replay.set_speed(st.session_state.replay_speed or clock.speed),
        )


def neighbours(opened: Sequence[Opening], at: float) -> tuple[float | None, float | None]:
    """Where to go for the alert before a moment and for the one after it, in seconds since the epoch."""
    times = [opening.opened_at.timestamp() - BEFORE for opening in opened]
    earlier, later = bisect_left(times, at - NEXT_TO), bisect_right(times, at + 1.0)
    return (
        times[earlier - 1] if earlier else None,
        times[later] if later < len(times) else None,
    )


def _show_figures(replay: ReplayFeed, viewer: Viewer) -> None:
    fleet, alerts = replay.state.snapshot(), replay.alerts.snapshot()
    stale_after = viewer.settings.page.stale_after
    reporting = [v for v in fleet.vehicles.values() if not v.silent(fleet.taken_at, stale_after)]
    anomalous = sum(vehicle.latest.is_anomaly for vehicle in reporting)
    tiles = {
        "Vehicles": f"{len(fleet.vehicles):,}",
        "Silent": f"{len(fleet.vehicles) - len(reporting):,}",
        "Anomalous now": f"{anomalous:,}",
        "Open alerts": f"{len(alerts.open):,}",
        "Events per second": f"{fleet.events_per_second:,.1f}",
        "Events so far": f"{fleet.events:,}",
    }
    with st.grid(min_column_width=150):
        for name, value in tiles.items():
            st.metric(name, value, border=True)


def _show_opened(replay: ReplayFeed, opened: Sequence[Opening], zone: tzinfo) -> None:
    st.subheader("Alerts that were opened", anchor=False)
    if not opened:
        st.caption("None in this recording.")
        return
    shown = opened
    if len(opened) > MOST_ROWS:
        worst = sorted(opened, key=lambda opening: -SEVERITIES.index(opening.severity))[:MOST_ROWS]
        shown = sorted(worst, key=lambda opening: opening.opened_at)
        st.caption(f"The worst {MOST_ROWS} of {len(opened):,}.")
    st.session_state[_OPENED] = [opening.opened_at.timestamp() for opening in shown]
    frame = pd.DataFrame(
        {
            "At": [moment(opening.opened_at.timestamp(), zone) for opening in shown],
            "Severity": [opening.severity for opening in shown],
            "Vehicle": [button_label(opening.vehicle_id or "the fleet") for opening in shown],
            "What": [plain(opening.summary, 200) for opening in shown],
        }
    )
    st.dataframe(
        _coloured(frame, shown),
        key="replay_alerts",
        hide_index=True,
        column_config={
            "At": st.column_config.ButtonColumn(
                width=170,
                type="tertiary",
                alignment="left",
                key=_CLICK,
                on_click=_clicked,
                args=(replay,),
                help="Jumps there, and half a minute before.",
            ),
            "Severity": st.column_config.TextColumn(width=80),
            "Vehicle": st.column_config.TextColumn(width=110),
            "What": st.column_config.TextColumn(width=700),
        },
    )


def _clicked(replay: ReplayFeed) -> None:
    times: list[float] = st.session_state[_OPENED]
    row = st.session_state[_CLICK]["row"]
    if isinstance(row, int) and 0 <= row < len(times):
        replay.jump(times[row] - BEFORE)


def _coloured(frame: pd.DataFrame, opened: Sequence[Opening]) -> object:
    dark = st.context.theme.type == "dark"
    colours = palette.SEVERITY_ON_DARK if dark else palette.SEVERITY
    styles = pd.DataFrame("", index=frame.index, columns=frame.columns)
    for row, opening in enumerate(opened):
        background, text = colours[opening.severity]
        styles.loc[row, "Severity"] = f"background-color: {background}; color: {text};"
    return frame.style.apply(lambda _: styles, axis=None)


def _opened(replay: ReplayFeed) -> list[Opening]:
    key = "replay_openings"
    held: tuple[ReplayFeed, list[Opening]] | None = st.session_state.get(key)
    if held is None or held[0] is not replay:
        recording = replay.recording
        held = replay, openings(recording.revisions, recording.start, recording.end)
        st.session_state[key] = held
    return held[1]
