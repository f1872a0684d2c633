"""The page: where each section is, and how each keeps itself up to date."""

from __future__ import annotations

from collections.abc import Callable
from datetime import tzinfo

import streamlit as st

import config.settings
from config.errors import SettingsError
from config.settings import Settings
from ui.actions.action_desk import ActionDesk
from ui.actions.kafka_actions import KafkaActions
from ui.actions.mqtt_actions import MqttActions
from ui.alerts.alert_section import show_alerts, show_heading
from ui.clock_time import viewer_zone
from ui.fleet.fleet_table import ranking, show_fleet_table
from ui.fleet.header import show_header
from ui.fleet.map_section import show_map
from ui.formatting import markdown
from ui.history.page import show_history
from ui.live.feed import Feed
from ui.live.fleet_state import FleetSnapshot
from ui.live.kafka_feed import KafkaFeed
from ui.live.mqtt_feed import MqttFeed
from ui.pipeline.metrics_scraper import EVERY, MetricsScraper
from ui.pipeline.page import show_pipeline
from ui.vehicle.vehicle_detail import show_vehicle

HEIGHT_OF_OVERVIEW = 460
"""Pixels."""

_STYLE = """<style>
.stMainBlockContainer { padding-left: 2.5rem; padding-right: 2.5rem }
/* Streamlit fades sections that are about to be updated. Here all of them always are: it would flicker. */
[data-stale="true"] { opacity: 1 !important; transition: none !important }
/* The words around a figure are never cut: they take two lines where there is little room. */
.st-key-figures :is(.stMarkdownEllipsis, .stMarkdownEllipsis p) { white-space: normal; overflow: visible }
.st-key-figures [data-testid="stMetricDelta"] { border-radius: 0.8rem }
.st-key-figures [data-testid="stColumn"] div:has([data-testid="stMetric"]) { height: 100% }
.st-key-figures [data-testid="stMetric"] { height: 100% }
.st-key-alert_cards { display: none }
@media (max-width: 640px) {
    .stMainBlockContainer { padding-left: 1rem; padding-right: 1rem }
    /* The alerts would otherwise be far below the figures. */
    .st-key-figures [data-testid="stMetric"] > div { padding: 0.6rem 0.7rem }
    .st-key-figures [data-testid="stColumn"] { min-width: calc(50% - 1rem); flex: 1 1 calc(50% - 1rem) }
    /* The sentence of an alert does not fit into a table here. */
    .st-key-alert_list { display: none }
    .st-key-alert_cards { display: flex; gap: 0.6rem }
    .st-key-alert_cards > div:has([data-testid="stCheckbox"]) ~ div:has([data-testid="stCheckbox"]) {
        border-top: 1px solid rgba(128, 136, 148, 0.25); padding-top: 0.6rem; width: 100%
    }
    [class*="st-key-alert_card_member"] { padding-left: 1.7rem }
    [class*="st-key-alert_card_group"] button { margin-left: 1.7rem; padding: 0; min-height: 1.5rem }
}
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


@st.cache_resource(show_spinner=False)
def shared_desk() -> ActionDesk:
    """What this process knows of actions, and the only publisher of them, shared by all viewers.

    Raises:
        SettingsError: a setting is invalid; nothing is cached, so the next viewer tries again.
    """
    settings = config.settings.load()
    return ActionDesk(KafkaActions(settings) if settings.sink.kind == "kafka" else MqttActions(settings))


@st.cache_resource(show_spinner=False)
def shared_metrics() -> MetricsScraper:
    """The only reader of metrics in this process, shared by all viewers; started when it is first looked at.

    Raises:
        SettingsError: a setting is invalid; nothing is cached, so the next viewer tries again.
    """
    scraper = MetricsScraper(config.settings.load().page.metrics)
    scraper.start()
    return scraper


def show_page() -> None:
    """Draw the page that the viewer has chosen."""
    st.set_page_config(page_title="Fleet", page_icon="🚚", layout="wide")
    st.html(_STYLE)
    try:
        settings, feed = shared_feed()
        desk = shared_desk()
    except SettingsError as error:
        st.title("Fleet", anchor=False)
        st.error(f"Invalid settings: {markdown(str(error), 1000)}. Correct them and reload the page.")
        return
    zone = viewer_zone()

    def fleet() -> None:
        show_fleet(settings, feed, desk, zone)

    def history() -> None:
        show_history(settings, zone)

    def pipeline() -> None:
        st.title("Pipeline", anchor=False)
        metrics = shared_metrics()

        def section() -> None:
            show_pipeline(settings, feed.state.snapshot(), metrics.processes(), zone)

        st.fragment(run_every=EVERY)(section)()

    pages = [
        st.Page(fleet, title="Fleet", icon=":material/local_shipping:", url_path="fleet", default=True),
        st.Page(history, title="History", icon=":material/history:", url_path="history"),
        st.Page(pipeline, title="Pipeline", icon=":material/monitoring:", url_path="pipeline"),
    ]
    st.navigation(pages, position="top").run()


def show_fleet(settings: Settings, feed: Feed, desk: ActionDesk, zone: tzinfo) -> None:
    """Draw the fleet as it is now: figures, alerts, map, vehicles, and the chosen vehicle."""
    st.title("Fleet", anchor=False)
    live = st.fragment(run_every=settings.page.refresh)

    def with_vehicles(show: Callable[[FleetSnapshot], None]) -> Callable[[], None]:
        def section() -> None:
            fleet = feed.state.snapshot()
            if fleet.vehicles:
                _keep_choice(fleet, settings.page.stale_after)
                show(fleet)

        return section

    def header() -> None:
        show_header(settings, feed.connection, feed.state.snapshot(), feed.alerts.snapshot())

    def alerts() -> None:
        show_alerts(feed, desk, settings, zone)

    def fleet_map(fleet: FleetSnapshot) -> None:
        show_map(fleet, settings, HEIGHT_OF_OVERVIEW)

    def table(fleet: FleetSnapshot) -> None:
        show_fleet_table(fleet, feed.alerts.snapshot().worst, settings, HEIGHT_OF_OVERVIEW)

    def vehicle(fleet: FleetSnapshot) -> None:
        show_vehicle(fleet, feed, settings, zone)

    live(header)()
    show_heading()
    live(alerts)()
    left, right = st.columns([5, 7], gap="medium")
    with left:
        live(with_vehicles(fleet_map))()
    with right:
        live(with_vehicles(table))()
    live(with_vehicles(vehicle))()


def _keep_choice(fleet: FleetSnapshot, stale_after: float) -> None:
    """Choose the worst vehicle at the start, and whenever the chosen vehicle is no longer kept."""
    if st.session_state.get("chosen") not in fleet.vehicles:
        st.session_state.chosen = ranking(fleet, stale_after)[0]
