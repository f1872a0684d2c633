"""The page: its frame, its parts in the navigation, and who may see what."""

from __future__ import annotations

import time
from collections.abc import Callable

import streamlit as st

from config.errors import SettingsError
from ui import links
from ui.alerts.page import show_alerts
from ui.clock_time import viewer_zone
from ui.fleet.page import show_fleet
from ui.formatting import markdown
from ui.history.page import show_history
from ui.links import PageName
from ui.login.access import shared_access
from ui.login.account import show_account, show_openness
from ui.pipeline.metrics_scraper import EVERY
from ui.pipeline.page import show_pipeline
from ui.push.sections import Sections
from ui.push.versions import Versions
from ui.replay.bar import show_bar
from ui.replay.page import show_replay
from ui.replay.session import current_replay
from ui.shared import shared_desk, shared_feed, shared_metrics
from ui.style import STYLE, colour_scheme
from ui.vehicle.page import show_vehicle
from ui.viewer import Role, Viewer


def show_page() -> None:
    """Draw the page that the viewer has chosen."""
    st.set_page_config(page_title="Fleet", page_icon="🚚", layout="wide")
    st.html(STYLE)
    st.html(colour_scheme(st.context.theme.type))
    try:
        settings, feed = shared_feed()
        desk, access = shared_desk(), shared_access()
    except SettingsError as error:
        st.title("Fleet", anchor=False)
        st.error(f"Invalid settings: {markdown(str(error), 1000)}. Correct them and reload the page.")
        return
    zone = viewer_zone()
    person = show_account(access, zone)
    if person is None:
        return
    replay = current_replay()
    shown = feed if replay is None else replay

    def versions() -> Versions:
        # What the jobs measure is of now, also while something else is replayed.
        return {**shown.versions(), "metrics": int(time.time() // EVERY)}

    sections = Sections(versions, None if replay is None else replay.refresh)
    # Of a replay, nothing can be acted on.
    role: Role = person.role if replay is None else "viewer"
    viewer = Viewer(person.name, role, zone, settings, shown, desk, sections)

    def pipeline() -> None:
        st.title("Pipeline", anchor=False)
        metrics = shared_metrics()

        def section() -> None:
            show_pipeline(settings, feed.state.snapshot(), metrics.processes(), viewer.zone)

        sections.section("pipeline", section, ("metrics",))

    def page(name: PageName, title: str, icon: str, show: Callable[[], None], is_first: bool = False) -> None:
        pages[name] = st.Page(show, title=title, icon=f":material/{icon}:", url_path=name, default=is_first)

    pages: dict[PageName, st.Page] = {}
    page("fleet", "Fleet", "local_shipping", lambda: show_fleet(viewer), is_first=True)
    page("vehicle", "Vehicle", "directions_car", lambda: show_vehicle(viewer))
    page("alerts", "Alerts", "notifications", lambda: show_alerts(viewer))
    page("replay", "Replay", "replay", lambda: show_replay(viewer))
    page("history", "History", "history", lambda: show_history(settings, viewer.zone))
    page("pipeline", "Pipeline", "monitoring", pipeline)
    links.remember(pages)
    chosen = st.navigation(list(pages.values()), position="top")
    links.follow()
    sections.listen()
    if replay is not None:
        show_bar(replay, sections, viewer.zone)
    chosen.run()
    show_openness(access)
