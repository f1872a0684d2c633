"""Times as the viewer reads them: in the time zone of the browser."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st


def viewer_zone() -> tzinfo:
    """The time zone of the browser; UTC if the browser does not say or this machine does not know it."""
    try:
        return ZoneInfo(st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def clock_time(moment: datetime, zone: tzinfo) -> str:
    """The time of day in `zone`, with the date unless it is today."""
    local = moment.astimezone(zone)
    return f"{local:%H:%M:%S}" if local.date() == datetime.now(zone).date() else f"{local:%Y-%m-%d %H:%M:%S}"
