"""The bar on every page of a session that replays: that it does, what, and the way back to the stream."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

import streamlit as st

from ui.formatting import markdown
from ui.push.sections import Sections, draw_again
from ui.replay import session
from ui.replay.feed import ReplayFeed

KEY = "replay_bar"
"""Of the container, for the style of the page."""

STEP = 60.0
"""Recorded seconds that a step goes."""


def show_bar(replay: ReplayFeed, sections: Sections, zone: tzinfo) -> None:
    """Draw the bar, as a section of the page."""
    drawn_for = replay.refresh

    def bar() -> None:
        follow_replay(replay, drawn_for)
        with st.container(key=KEY, horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(bar_line(replay, zone), width="stretch")
            show_pause(replay, "bar")
            st.button("Back to live", key="bar_live", icon=":material/sensors:", on_click=session.end)
        if replay.trouble:
            st.error(f"The replay has stopped: {markdown(replay.trouble)}", icon=":material/error:")

    sections.section(KEY, bar, ("replay",))


def bar_line(replay: ReplayFeed, zone: tzinfo) -> str:
    """Markdown: ``Replay of 28 Nov 14:03:20 UTC at 10×``, and whether it is paused or at its end."""
    clock = replay.clock
    if clock.is_at_end:
        state = ":gray[ended]"
    elif clock.is_paused:
        state = ":gray[paused]"
    else:
        state = f"at {clock.speed:g}×"
    return f":material/history: **Replay of {moment(clock.at, zone)}** {state}"


def moment(at: float, zone: tzinfo) -> str:
    """A time in seconds since the epoch as ``28 Nov 14:03:20 CET``."""
    return f"{datetime.fromtimestamp(at, UTC).astimezone(zone):%d %b %H:%M:%S %Z}"


def show_pause(replay: ReplayFeed, where: str) -> None:
    """Draw the button that pauses a replay or lets it go on; `where` makes its key unique."""
    clock = replay.clock
    if not clock.is_paused:
        label, icon, deed = "Pause", "pause", replay.pause
    elif clock.is_at_end:
        label, icon, deed = "Again", "replay", replay.play
    else:
        label, icon, deed = "Play", "play_arrow", replay.play
    # One button with another label stays where it is under the pointer.
    st.button(label, key=f"{where}_pause", icon=f":material/{icon}:", on_click=deed)


def follow_replay(replay: ReplayFeed, drawn_for: float) -> None:
    """In a section: have the whole page drawn if the replay has ended, or is looked at more or less often.

    Args:
        replay: that the page was drawn for.
        drawn_for: how often it was looked at then.
    """
    if session.current_replay() is not replay or replay.refresh != drawn_for:
        st.rerun()


def jump(replay: ReplayFeed, at: float) -> None:
    """In a widget's callback: show another moment, on all of the page."""
    replay.jump(at)
    draw_again()
