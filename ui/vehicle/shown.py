"""The sections of the page of a vehicle, for one viewer and what they have chosen."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import streamlit as st

from config.errors import HistoryError
from dataflows.clock import microseconds
from dataflows.events import Enriched
from ui.clock_time import clock_time
from ui.formatting import markdown
from ui.links import go_to
from ui.live.fleet_state import VehicleSnapshot
from ui.map.view import show_map
from ui.vehicle import choice as choices
from ui.vehicle import headline, past
from ui.vehicle.alerts import show_alerts
from ui.vehicle.charts_section import show_charts
from ui.vehicle.choice import Choice
from ui.vehicle.contributions import show_contributions
from ui.vehicle.loading import Loaded, Recent, event_at, load, recent_of
from ui.vehicle.route import route_of
from ui.vehicle.values import show_values
from ui.vehicle.window import Window, window_until
from ui.viewer import Viewer

HEIGHT_OF_MAP = 300
"""Pixels."""


class Shown:
    """Draws each section from what is known when it is drawn.

    Args:
        viewer: who looks.
        choice: what they have chosen.
    """

    def __init__(self, viewer: Viewer, choice: Choice) -> None:
        self._viewer = viewer
        self._choice = choice
        self._was_known = self._vehicle() is not None

    def head(self) -> None:
        """Draw the state and the reason, or that the vehicle is not known."""
        viewer, choice, vehicle = self._viewer, self._choice, self._vehicle()
        if choice.at is not None:
            headline.show_past(self._event(), choice, viewer.settings, viewer.zone)
        elif vehicle is None:
            self._unknown()
        elif not self._was_known:
            # It has sent its first event: what is outside of the sections is about it now, too.
            st.rerun()
        else:
            alert = viewer.feed.alerts.snapshot().worst.get(choice.vehicle_id)
            now = viewer.feed.state.snapshot().taken_at
            last = self._recent().last_anomaly
            headline.show_live(vehicle, alert, last, now, viewer.settings, viewer.zone)

    def map(self) -> None:
        """Draw the route of the window and the position at the moment."""
        choice = self._choice
        if self._is_unknown():
            return
        at = None if choice.at is None else microseconds(choice.at)
        route = route_of(self._loaded().series, at)
        if route is None:
            st.info("No map: no event of this time has a position.", icon=":material/location_off:")
            return
        # Another vehicle may be anywhere else: the part of the world that is shown is not kept for it.
        digest = hashlib.sha256(choice.vehicle_id.encode(errors="surrogatepass")).hexdigest()[:12]
        show_map(self._viewer.settings, f"vehicle_map_{digest}", (), route=route, height=HEIGHT_OF_MAP)

    def why(self) -> None:
        """Draw the contributions to the last anomaly, or at the moment."""
        event = self._event()
        if event is not None and self._choice.is_live and not event.is_anomaly:
            event = self._recent().last_anomaly or event
        if event is not None and event.contributions:
            show_contributions(event, self._viewer.settings, self._viewer.zone)

    def values(self) -> None:
        """Draw the values of the last event, or at the moment."""
        event, vehicle = self._event(), self._vehicle()
        if event is None:
            return
        now = self._viewer.feed.state.snapshot().taken_at
        stale_after = self._viewer.settings.page.stale_after
        is_old = self._choice.is_live and vehicle is not None and vehicle.silent(now, stale_after)
        show_values(event, self._viewer.settings, is_old=is_old)

    def charts(self) -> None:
        """Draw the charts of the window."""
        if not self._is_unknown():
            loaded, window = self._loaded(), self._window()
            show_charts(loaded, window, self._event(), self._choice, self._viewer.settings)

    def alerts(self) -> None:
        """Draw the alerts of the vehicle."""
        if not self._is_unknown():
            show_alerts(self._viewer, self._choice)

    def _vehicle(self) -> VehicleSnapshot | None:
        return self._viewer.feed.state.snapshot().vehicles.get(self._choice.vehicle_id)

    def _is_unknown(self) -> bool:
        return self._choice.is_live and self._vehicle() is None

    def _recent(self) -> Recent:
        return recent_of(self._viewer.feed, self._choice.vehicle_id, self._viewer.settings)

    def _event(self) -> Enriched | None:
        choice, vehicle = self._choice, self._vehicle()
        if choice.at is None:
            return None if vehicle is None else vehicle.latest
        return event_at(choice.vehicle_id, choice.at, self._recent(), self._viewer.settings)

    def _window(self) -> Window:
        vehicle = self._vehicle()
        latest = datetime.now(UTC) if vehicle is None else vehicle.latest.ts
        return self._choice.window or window_until(latest, self._choice.span)

    def _loaded(self) -> Loaded:
        return load(self._choice.vehicle_id, self._window(), self._recent(), self._viewer.settings)

    def _unknown(self) -> None:
        viewer, vehicle_id = self._viewer, self._choice.vehicle_id
        st.warning(
            f"Nothing has come from a vehicle **{markdown(vehicle_id, 60)}** since this page was started. "
            "Choose another one above, or check the id; it appears here with its next event.",
            icon=":material/search_off:",
        )
        directory = viewer.settings.history.directory
        try:
            seen = None if directory is None else past.last_seen(directory, vehicle_id)
        except HistoryError:
            return
        if seen is not None:
            st.markdown(
                f"The history knows it: it last sent something at {markdown(clock_time(seen, viewer.zone))}."
            )
            st.button("Show it then", icon=":material/history:", key="vehicle_then", on_click=_show_then,
                      args=(seen, self._choice))  # fmt: skip


def _show_then(seen: datetime, choice: Choice) -> None:
    # From a section, whose callback would have only that section drawn.
    go_to("vehicle", choices.query_of(choice, seen))
