"""The replay of a session: kept with it, and gone with it."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import streamlit as st

import config.settings
from config.history_settings import Place
from config.settings import Settings
from ui.replay.feed import ReplayFeed
from ui.replay.file_recording import FileRecording
from ui.replay.history_recording import HistoryRecording
from ui.replay.recording import Recording

_REPLAY = "replay"

FIRST_SPEED = 10
"""Recorded seconds in a second, until the viewer chooses."""

FRESH_FOR = timedelta(minutes=5)
"""For which those who replay the same part of the history share what was read of it."""

RECORDINGS_KEPT = 6
"""Recordings that were opened last; a file takes as much of the disk for temporary files as it is long."""


def current_replay() -> ReplayFeed | None:
    """What this session replays; ``None`` if it shows the stream."""
    replay: ReplayFeed | None = st.session_state.get(_REPLAY)
    return replay


def begin(settings: Settings, recording: Recording, at: datetime | None = None) -> ReplayFeed:
    """Replay a recording in this session from now on, from its start or another moment."""
    replay = ReplayFeed(settings, recording)
    if at is not None:
        replay.jump(at.timestamp())
    replay.clock.speed = FIRST_SPEED
    replay.play()
    st.session_state[_REPLAY] = replay
    return replay


def end() -> None:
    """Show the stream again."""
    st.session_state.pop(_REPLAY, None)


@st.cache_resource(ttl=FRESH_FOR, max_entries=RECORDINGS_KEPT, show_spinner=False)
def history_recording(place: Place, start: datetime, end: datetime) -> HistoryRecording:
    """A part of the history; viewers who choose the same share it.

    Raises:
        HistoryError: the history cannot be read.
    """
    return HistoryRecording(place, config.settings.load(), start, end)


@st.cache_resource(max_entries=RECORDINGS_KEPT, show_spinner=False)
def file_recording(path: Path, name: str, changed_at: int) -> FileRecording:
    """A file as it was written last; viewers who choose the same share it.

    Raises:
        RecordingError: it cannot be read, or holds no scored events.
    """
    del changed_at
    return FileRecording(path, name)
