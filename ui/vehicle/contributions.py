"""How much each signal contributed to what is unusual, as bars."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from typing import Any

import streamlit as st

from config.settings import Settings
from dataflows.events import Enriched
from ui import palette
from ui.clock_time import clock_time
from ui.descriptions import leading_signals, ranked_shares
from ui.formatting import markdown, plain

MOST = 5
"""Bars."""

HEIGHT_OF_BAR, MARGIN = 24, 8
"""Pixels."""

_NOTHING = 0.005
"""A share that would be shown as 0 %."""


def show_contributions(event: Enriched, settings: Settings, zone: tzinfo) -> None:
    """Draw the largest shares of an event, or say that there are none."""
    title, what = ("What is unusual", "anomaly") if event.is_anomaly else ("What differs most", "event")
    when = markdown(clock_time(event.ts, zone))
    shares = [pair for pair in ranked_shares(event, settings.signals) if pair[1] >= _NOTHING][:MOST]
    st.markdown(f"**{title}** :small[:gray[share of each signal in the {what} at {when}]]")
    if not shares:
        st.caption("No signal differs from what was expected.")
        return
    leading = leading_signals(event, settings.signals) if event.is_anomaly else []
    st.echarts_chart(
        option_of(shares, leading),
        key="vehicle_contributions",
        height=2 * MARGIN + HEIGHT_OF_BAR * len(shares),
        alt="Share of each signal in what is unusual, the largest first",
    )


def option_of(shares: Sequence[tuple[str, float]], leading: Sequence[str]) -> dict[str, Any]:
    """The bars as an ECharts option.

    Args:
        shares: signal and its share, 0–1, the largest first.
        leading: the signals that explain the anomaly.
    """
    bars = [
        {
            "value": round(100.0 * share),
            "itemStyle": {"color": palette.ANOMALY if name in leading else palette.EXPECTED},
        }
        for name, share in shares
    ]
    return {
        "animation": False,
        "grid": {"left": 4, "right": 48, "top": MARGIN, "bottom": MARGIN, "containLabel": True},
        "xAxis": {"type": "value", "min": 0, "max": 100, "show": False},
        "yAxis": {
            "type": "category",
            "inverse": True,
            "data": [plain(name.replace("_", " "), 30) for name, _ in shares],
            "axisTick": {"show": False},
            "axisLine": {"show": False},
        },
        "series": [
            {
                "type": "bar",
                "barWidth": 12,
                "data": bars,
                "silent": True,
                "label": {"show": True, "position": "right", "formatter": "{c} %"},
            }
        ],
    }
