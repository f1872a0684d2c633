"""Sends what a viewer does about alerts, and remembers what went wrong with it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime

import streamlit as st

from dataflows.events import ActionName, Alert
from ui.alerts.requests import Scope, Wish, applicable, failure, requests_for
from ui.viewer import Viewer

TROUBLE_FOR = 60.0
"""Seconds for which a failure is shown."""

_TROUBLE, _TROUBLE_AT, _ANSWERS = "action_trouble", "action_trouble_at", "action_answers"


def perform(
    viewer: Viewer,
    action: ActionName,
    alerts: Sequence[Alert],
    text: str = "",
    until: datetime | None = None,
    scope: Scope = "alerts",
) -> bool:
    """Ask the job for an action; only from a widget's callback.

    Args:
        viewer: who; nothing is sent for one who may not act, or has no name.
        action: what.
        alerts: about which; those for which it changes nothing are left out.
        text: of a comment; the reason of a mute.
        until: end of a mute.
        scope: of a mute, and of the end of one.

    Returns:
        Whether the broker has confirmed it; otherwise `trouble` says why not.
    """
    known = viewer.feed.alerts.snapshot()
    chosen = applicable(action, alerts, known.taken_at)
    # Clicks come from a browser, which may ask for anything.
    if not (viewer.may_act and viewer.name and chosen):
        note_answer()
        return False
    wish = Wish(action, viewer.name, text, until, scope)
    reason = viewer.desk.send(requests_for(chosen, known.alerts, wish))
    note_answer(failure(viewer.settings, action, reason) if reason else "")
    return not reason


def note_answer(text: str = "") -> None:
    """Note what came of an action: what went wrong, in Markdown, or nothing."""
    st.session_state[_TROUBLE], st.session_state[_TROUBLE_AT] = text, time.monotonic()
    st.session_state[_ANSWERS] = answers() + 1


def answers() -> int:
    """How many actions of this session have come to an end: rows that wait for one need not wait longer."""
    count: int = st.session_state.get(_ANSWERS, 0)
    return count


def trouble() -> str:
    """Markdown: what went wrong with the last action; empty if nothing did, or it was long ago."""
    text: str = st.session_state.get(_TROUBLE, "")
    return text if text and time.monotonic() - st.session_state[_TROUBLE_AT] < TROUBLE_FOR else ""
