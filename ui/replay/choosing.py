"""Choosing what is replayed: a part of the history, or a file of scored events."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

import streamlit as st

from config.errors import FleetError
from config.history_settings import Place
from config.settings import Settings
from ui import links
from ui.formatting import markdown, plain
from ui.history.answers import latest_event
from ui.replay import session
from ui.replay.files import OfferedFile, is_scored, offered_files, scoring_command

HISTORY, FILE = "History", "File"

LONGEST = timedelta(days=7)
"""Of the history that can be replayed at once: an overview of each minute is read first."""

FIRST = timedelta(hours=1)
"""Of the history that is proposed."""

FROM, TO = "from", "to"
"""In the address of the page: a part of the history that is replayed at once."""

_FROM, _TO, _START = "replay_from", "replay_to", "replay_start"


def query_of_replay(start: datetime, end: datetime) -> dict[str, str]:
    """The query in the address of a replay of the history: ``/replay?from=…&to=…``."""
    return {name: f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" for name, at in ((FROM, start), (TO, end))}


def show_choice(settings: Settings, zone: tzinfo) -> None:
    """Draw the choice; starts a replay when one is chosen, and draws the page anew then."""
    st.markdown(
        "Look at a time in the past as if it were now: *Fleet*, *Vehicle* and *Alerts* show it, in this "
        "window only. What you see then cannot be acted on, and nobody else notices."
    )
    _follow_address(settings)
    kinds = st.segmented_control(
        "Replay from", [HISTORY, FILE], default=HISTORY, required=True, key="replay_kind", bind="query-params"
    )
    try:
        if kinds == FILE:
            _choose_file(settings)
        else:
            _choose_time(settings, zone)
    except FleetError as error:
        st.error(f"This cannot be replayed: {markdown(str(error), 500)}", icon=":material/error:")


def _follow_address(settings: Settings) -> None:
    start, end = (links.time_in(st.query_params.get(name)) for name in (FROM, TO))
    if start is None or end is None:
        return
    for name in (FROM, TO):
        del st.query_params[name]
    if settings.history.directory is None:
        return
    try:
        _begin_history(settings, settings.history.directory, start, end)
    except FleetError as error:
        st.error(f"This cannot be replayed: {markdown(str(error), 500)}", icon=":material/error:")


def _choose_time(settings: Settings, zone: tzinfo) -> None:
    place = settings.history.directory
    if place is None:
        st.info("Nothing is kept: `history.directory` is empty in the settings.", icon=":material/history:")
        return
    latest = latest_event(place)
    if latest is None:
        st.info(
            "No events are kept yet. The recorder keeps what comes while it runs: "
            "`python -m bytewax.run dataflows.record`.",
            icon=":material/history:",
        )
        return
    last = latest.astimezone(zone).replace(tzinfo=None, second=0, microsecond=0) + timedelta(minutes=1)
    st.session_state.setdefault(_FROM, last - FIRST)
    st.session_state.setdefault(_TO, last)
    zone_name = f"{latest.astimezone(zone):%Z}"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        step = timedelta(minutes=1)
        first = st.datetime_input(f"From, {zone_name}", key=_FROM, step=step, format="YYYY-MM-DD", width=220)
        until = st.datetime_input(f"To, {zone_name}", key=_TO, step=step, format="YYYY-MM-DD", width=220)
        start, end = (moment and moment.replace(tzinfo=zone) for moment in (first, until))
        trouble = _trouble(start, end)
        is_wanted = st.button(
            "Replay", key=_START, type="primary", icon=":material/play_arrow:", disabled=bool(trouble)
        )
    st.caption(f"The last event that is kept is of {latest.astimezone(zone):%d %b %Y %H:%M:%S %Z}.")
    if trouble:
        st.warning(trouble, icon=":material/error:")
    elif is_wanted and start and end:
        _begin_history(settings, place, start, end)


def _trouble(start: datetime | None, end: datetime | None) -> str:
    if start is None or end is None:
        return "Choose when the replay begins and ends."
    if end <= start:
        return "The end is not after the beginning."
    if end - start > LONGEST:
        return f"At most {LONGEST.days} days can be replayed at once."
    return ""


def _begin_history(settings: Settings, place: Place, start: datetime, end: datetime) -> None:
    """Start, and draw the page anew.

    Raises:
        HistoryError: the history cannot be read.
    """
    end = min(end, start + LONGEST)
    with st.spinner("Reading what is kept …"):
        recording = session.history_recording(place, start, max(end, start + timedelta(minutes=1)))
    if not recording.timeline.events.any():
        st.info("No events are kept of this time. Events are kept for a shorter time than summaries are.")
        return
    session.begin(settings, recording)
    st.rerun()


def _choose_file(settings: Settings) -> None:
    directory = settings.page.recordings
    if directory is None:
        st.info("No files can be replayed: `page.recordings` is empty in the settings.")
        return
    files = {file.name: file for file in offered_files(directory)}
    if not files:
        st.info(
            f"No files are in {markdown(str(directory))}, the directory that `page.recordings` names. A job "
            "with `sink.kind` set to `recording` writes some.",
            icon=":material/folder_open:",
        )
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox(
            "File", list(files), key="replay_file", format_func=lambda name: _label(files[name]), width=520
        )
        file = files.get(name)
        scored = file is not None and is_scored(file.path)
        is_wanted = st.button(
            "Replay",
            key="replay_start_file",
            type="primary",
            icon=":material/play_arrow:",
            disabled=not scored,
        )
    if file is not None and not scored:
        _show_scoring(file, directory)
    elif file is not None and is_wanted:
        with st.spinner("Sorting the file …"):
            recording = session.file_recording(file.path, file.name, file.changed_at)
        session.begin(settings, recording)
        st.rerun()


def _label(file: OfferedFile) -> str:
    return f"{plain(file.name, 100)} ({file.size / 1e6:,.1f} MB)"


def _show_scoring(file: OfferedFile, directory: Path) -> None:
    st.info(
        "This file holds telemetry that was never scored, so there is nothing to be seen in it yet. This "
        "command scores it, with the settings of this page; its results are offered here then:",
        icon=":material/model_training:",
    )
    st.code(scoring_command(file.path, directory), language="bash", wrap_lines=True)
