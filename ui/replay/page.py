"""The page *Replay*: choose a recording, and control how it is replayed."""

from __future__ import annotations

import streamlit as st

from ui.replay.choosing import show_choice
from ui.replay.controls import show_controls
from ui.replay.session import current_replay
from ui.viewer import Viewer


def show_replay(viewer: Viewer) -> None:
    """Draw the page."""
    st.title("Replay", anchor=False)
    replay = current_replay()
    if replay is None:
        show_choice(viewer.settings, viewer.zone)
    else:
        show_controls(replay, viewer)
