"""Addresses of pages, and going there from anything that can be clicked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

import streamlit as st

PageName = Literal["fleet", "vehicle", "alerts", "history", "pipeline", "replay"]
"""Also the path in the address."""

_PAGES, _WANTED = "link_pages", "link_wanted"


def remember(pages: Mapping[PageName, Any]) -> None:
    """Note the pages of this session, which `follow` goes to."""
    st.session_state[_PAGES] = dict(pages)


def query_of_vehicle(vehicle_id: str, at: datetime | None = None) -> dict[str, str]:
    """The query in the address of a vehicle at a moment, or now: ``/vehicle?vehicle=V0007&at=...``."""
    query = {"vehicle": vehicle_id}
    if at is not None:
        query["at"] = at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return query


def go_to(page: PageName, query: Mapping[str, str] | None = None) -> None:
    """Go to a page when the callback that calls this has returned; the browser's *back* comes back."""
    st.session_state[_WANTED] = (page, dict(query or {}))


def follow() -> None:
    """Go to where `go_to` wants to, if anything has been clicked; does not return then."""
    wanted = st.session_state.pop(_WANTED, None)
    if wanted is not None:
        page, query = wanted
        st.switch_page(st.session_state[_PAGES][page], query_params=query)


def time_in(text: str | None) -> datetime | None:
    """The moment that an address names; ``None`` if it names none, or none that can be read."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC)
