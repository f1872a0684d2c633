"""The time of a recording as a strip that can be clicked (``ui/assets/timeline.js``)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import tzinfo
from typing import Any

import numpy as np
import streamlit as st

from dataflows.clock import SECOND
from dataflows.events import SEVERITIES
from ui import palette
from ui.assets import component
from ui.formatting import plain
from ui.replay.feed import ReplayFeed
from ui.replay.recording import Opening, Timeline

KEY = "replay_timeline"

COLUMNS = 240
"""Bars of the strip, at most."""

MOST_MARKS = 300
"""Alerts that are marked, at most: the worst ones."""

HEIGHT = 140
"""Pixels, with the hint above it and the times below."""

_timeline = component("fleet_timeline", "timeline.js")


def show_timeline(
    replay: ReplayFeed, opened: Sequence[Opening], zone: tzinfo, on_jump: Callable[[float], None]
) -> None:
    """Draw the strip.

    Args:
        replay: what is replayed.
        opened: alerts that were opened in it.
        zone: of the viewer.
        on_jump: called in a widget's callback with seconds since the epoch.
    """

    def jumped() -> None:
        at = st.session_state[KEY].get("jump")
        # The browser may send anything.
        if isinstance(at, int | float):
            on_jump(float(at))

    _timeline(key=KEY, data=strip_data(replay, opened, zone), height=HEIGHT, on_jump_change=jumped)


def strip_data(replay: ReplayFeed, opened: Sequence[Opening], zone: tzinfo) -> dict[str, Any]:
    """What the component draws: times in seconds since the epoch, colours, and texts that it escapes."""
    recording = replay.recording
    dark = st.context.theme.type == "dark"
    severities = palette.SEVERITY_ON_DARK if dark else palette.SEVERITY
    worst = sorted(opened, key=lambda opening: -SEVERITIES.index(opening.severity))[:MOST_MARKS]
    return {
        "start": recording.start / SECOND,
        "end": recording.end / SECOND,
        "at": replay.clock.at,
        "columns": columns(recording.timeline, recording.start, recording.end),
        "marks": [
            {
                "at": opening.opened_at.timestamp(),
                "colour": severities[opening.severity][0],
                "text": plain(f"{opening.severity}, {opening.vehicle_id}: {opening.summary}", 120),
            }
            for opening in reversed(worst)
        ],
        "colours": {
            "events": f"{palette.NORMAL}66",
            "anomalies": palette.ANOMALY,
            "outline": palette.EXPECTED,
        },
        "zone": str(zone),
        "locale": "en-GB",
    }


def columns(timeline: Timeline, start: int, end: int) -> list[tuple[int, int]]:
    """Events and anomalies in equal parts of the time from `start` to `end`, at most `COLUMNS`.

    A minute that lies in two parts is in the one in which its middle is.
    """
    minutes = len(timeline.events)
    count = max(1, min(COLUMNS, minutes - 1))
    middles = timeline.first + (np.arange(minutes) + 0.5) * 60 * SECOND
    parts = np.clip((middles - start) * count // max(1, end - start), 0, count - 1).astype(np.int64)
    events = np.bincount(parts, timeline.events, count).astype(np.int64)
    anomalies = np.bincount(parts, timeline.anomalies, count).astype(np.int64)
    return list(zip(events.tolist(), anomalies.tolist(), strict=True))
