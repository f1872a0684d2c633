"""The page *Alerts*: what is wrong, who looks after it, and what has been."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from ui.alerts.download import csv_of, json_of
from ui.alerts.filter_bar import filters_of_address, keep, show_filters
from ui.alerts.filters import Filters
from ui.alerts.list import show_afresh, show_alert_list
from ui.alerts.listing import Listing, depends_on_time, listing_of
from ui.alerts.notices import cannot_act, missing, nothing, nothing_matches, trouble
from ui.push.sections import draw_again
from ui.push.versions import Topic
from ui.viewer import Viewer

KEY = "alerts"
"""Key of the list."""

REDRAW_EVERY = 0.2
"""Fewest seconds between two drawings, while alerts come in a storm."""

READS: tuple[Topic, ...] = ("alerts", "connection")


def show_alerts(viewer: Viewer) -> None:
    """Draw the page."""

    def filters() -> None:
        listing = listing_of(viewer, filters_of_address())
        show_filters(listing.known, listing.taken_at, _draw_again)

    def alerts() -> None:
        _show_listing(viewer, listing_of(viewer, filters_of_address()))

    st.title("Alerts", anchor=False)

    def reads() -> tuple[Topic, ...]:
        return (*READS, "clock") if depends_on_time(viewer, filters_of_address()) else READS

    viewer.sections.section("alert_filters", filters, reads, REDRAW_EVERY)
    viewer.sections.section("alerts", alerts, reads, REDRAW_EVERY)


def _show_listing(viewer: Viewer, listing: Listing) -> None:
    feed, settings = viewer.feed, viewer.settings
    if warning := trouble(feed, settings, viewer.zone):
        st.warning(warning, icon=":material/notifications_off:")
    if not listing.known:
        st.markdown(nothing(feed))
    elif not listing.shown:
        with st.container(key="alert_nothing", horizontal_alignment="center"):
            st.markdown(nothing_matches(listing.filters, len(listing.known)))
            if listing.filters != Filters():
                st.button("Show all open alerts", key="alert_filters_reset", on_click=_reset)
    else:
        show_alert_list(viewer, listing.shown, key=KEY)
        _show_downloads(listing)
    notes = [*missing(listing.live), *filter(None, [listing.note]), *cannot_act(viewer)]
    if notes:
        st.markdown("  \n".join(notes))


def _show_downloads(listing: Listing) -> None:
    when = datetime.fromtimestamp(listing.taken_at, UTC)
    name = f"alerts {listing.filters.state} {when:%Y-%m-%d %H%M}"
    shown = listing.shown
    row = st.container(horizontal=True, vertical_alignment="center", key="alert_downloads")
    with row:
        what = "it" if len(shown) == 1 else f"all {len(shown):,}"
        st.markdown(f":gray[Download {what} as]", width="content")
        for label, make, kind in (("CSV", csv_of, "text/csv"), ("JSON", json_of, "application/json")):
            st.download_button(
                label,
                lambda make=make: make(shown),  # type: ignore[misc]
                f"{name}.{label.lower()}",
                kind,
                key=f"alert_download_{label.lower()}",
                on_click="ignore",
                type="tertiary",
                icon=":material/download:",
            )


def _reset() -> None:
    keep(Filters())
    _draw_again()


def _draw_again() -> None:
    show_afresh(KEY)
    draw_again("alert_filters", "alerts")
