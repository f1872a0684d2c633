"""The page: where each section is, and how each keeps itself up to date."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

import config.settings
from config.errors import SettingsError
from config.settings import Settings
from ui.anomaly_list import show_anomalies
from ui.clock_time import viewer_zone
from ui.feed import Feed
from ui.fleet_state import FleetSnapshot
from ui.fleet_table import ranking, show_fleet_table
from ui.formatting import markdown
from ui.header import show_header
from ui.kafka_feed import KafkaFeed
from ui.map_section import show_map
from ui.mqtt_feed import MqttFeed
from ui.vehicle_detail import show_vehicle

HEIGHT_OF_OVERVIEW = 460
HEIGHT_OF_LIST = 640
"""Pixels."""

_STYLE = """<style>
.stMainBlockContainer { padding-left: 2.5rem; padding-right: 2.5rem }
/* Streamlit fades sections that are about to be updated. Here all of them always are: it would flicker. */
[data-stale="true"] { opacity: 1 !important; transition: none !important }
</style>"""


@st.cache_resource(show_spinner=False)
def shared_feed() -> tuple[Settings, Feed]:
    """The settings and the only subscriber of this process, shared by all viewers.

    Raises:
        SettingsError: a setting is invalid; nothing is cached, so the next viewer tries again.
    """
    settings = config.settings.load()
    feed: Feed = KafkaFeed(settings) if settings.sink.kind == "kafka" else MqttFeed(settings)
    feed.start()
    return settings, feed


def show_page() -> None:
    """Draw the page."""
    st.set_page_config(page_title="Fleet", page_icon="🚚", layout="wide")
    st.html(_STYLE)
    st.title("Fleet", anchor=False)
    try:
        settings, feed = shared_feed()
    except SettingsError as error:
        st.error(f"Invalid settings: {markdown(str(error), 1000)}. Correct them and reload the page.")
        return
    zone = viewer_zone()
    live = st.fragment(run_every=settings.page.refresh)

    def with_vehicles(show: Callable[[FleetSnapshot], None]) -> Callable[[], None]:
        def section() -> None:
            fleet = feed.state.snapshot()
            if fleet.vehicles:
                _keep_choice(fleet, settings.page.stale_after)
                show(fleet)

        return section

    def header() -> None:
        show_header(settings, feed.connection, feed.state.snapshot())

    def fleet_map(fleet: FleetSnapshot) -> None:
        show_map(fleet, settings, HEIGHT_OF_OVERVIEW)

    def table(fleet: FleetSnapshot) -> None:
        show_fleet_table(fleet, settings, HEIGHT_OF_OVERVIEW)

    def vehicle(fleet: FleetSnapshot) -> None:
        show_vehicle(fleet, feed, settings, zone)

    def anomalies(fleet: FleetSnapshot) -> None:
        st.subheader("Recent anomalies", anchor=False)
        show_anomalies(fleet.anomaly_runs, settings, zone, HEIGHT_OF_LIST)

    live(header)()
    left, right = st.columns([5, 7], gap="medium")
    with left:
        live(with_vehicles(fleet_map))()
    with right:
        live(with_vehicles(table))()
    left, right = st.columns([3, 2], gap="medium")
    with left:
        live(with_vehicles(vehicle))()
    with right:
        live(with_vehicles(anomalies))()


def _keep_choice(fleet: FleetSnapshot, stale_after: float) -> None:
    """Choose the worst vehicle at the start, and whenever the chosen vehicle is no longer kept."""
    if st.session_state.get("chosen") not in fleet.vehicles:
        st.session_state.chosen = ranking(fleet, stale_after)[0]
