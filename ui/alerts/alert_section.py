"""The section of the page with the alerts: counts, list, actions, and the selected alert in detail."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo

import streamlit as st

from config.settings import Settings
from dataflows.events import Alert, Comment
from ui.actions.action_desk import ActionDesk
from ui.alerts import alert_selection
from ui.alerts.alert_actions import show_actions, show_name
from ui.alerts.alert_cards import show_cards
from ui.alerts.alert_list import rows_of, show_list, show_unlisted
from ui.alerts.alert_words import describe_signal
from ui.clock_time import clock_time
from ui.descriptions import unit_of
from ui.formatting import markdown
from ui.live.alert_state import AlertSnapshot
from ui.live.feed import Feed


def show_heading() -> None:
    """Draw what does not change: the heading, and the field for the viewer's name."""
    heading, name = st.columns([4, 1], vertical_alignment="center")
    heading.subheader("Alerts", anchor=False)
    with name:
        show_name()


def show_alert_list(feed: Feed, desk: ActionDesk, settings: Settings, zone: tzinfo) -> None:
    """Draw the counts, the list and the actions, or say that there are no alerts."""
    alerts = feed.alerts.snapshot()
    if feed.alerts_trouble:
        st.warning(trouble(settings, feed.alerts_trouble), icon=":material/notifications_off:")
    if not alerts.alerts:
        st.markdown(nothing(feed, alerts))
        return
    st.markdown(counts(alerts))
    lines = alert_selection.arranged(rows_of(alerts))
    show_list(lines, alerts.taken_at, desk, zone)
    show_cards(lines, alerts.taken_at, desk, zone)
    show_unlisted(lines, alerts)
    show_actions(feed, desk, settings)
    _show_detail(alert_selection.selected(alerts.alerts), settings, zone)


def counts(alerts: AlertSnapshot) -> str:
    """Markdown: how many are open, not acknowledged and muted, and what is missing from the list."""
    waiting, muted = len(alerts.unacknowledged), len(alerts.muted)
    parts = [
        f":{'red' if waiting else 'green'}-badge[{waiting:,} unacknowledged]",
        f":blue-badge[{len(alerts.open):,} open]",
        f":gray-badge[{muted:,} muted]",
    ]
    return " ".join([*parts, *_missing(alerts)])


def nothing(feed: Feed, alerts: AlertSnapshot) -> str:
    """Markdown: that there are no alerts, or that the page cannot know."""
    if feed.connection.phase != "connected" or feed.alerts_trouble:
        return " ".join([":gray[No alerts are known here.]", *_missing(alerts)])
    return " ".join([":green-badge[:material/check: No alerts] :gray[Nothing is open.]", *_missing(alerts)])


def trouble(settings: Settings, reason: str) -> str:
    """Markdown: why there are no alerts, and what to do about it."""
    return (
        f"This page gets no alerts: {markdown(reason)}. Start a dataflow that publishes them, and give the "
        f"page's user permission to read `{settings.alerts_topic}`. The rest of the page is not affected."
    )


def _missing(alerts: AlertSnapshot) -> list[str]:
    parts = []
    if alerts.dropped:
        parts.append(f":orange-badge[{alerts.dropped:,} dropped: too many to keep]")
    if alerts.undecodable:
        parts.append(f":orange-badge[{alerts.undecodable:,} unreadable]")
    return parts


def _show_detail(chosen: Sequence[Alert], settings: Settings, zone: tzinfo) -> None:
    if len(chosen) == 1:
        (alert,) = chosen
        st.markdown(detail(alert, settings, zone))
    else:
        # A placeholder, so that what is below is not redrawn when an alert is selected.
        st.empty()


def detail(alert: Alert, settings: Settings, zone: tzinfo) -> str:
    """Markdown: the summary, the signals that led to the alert, and what people wrote."""
    lines = [f"**{markdown(alert.summary)}**"]
    signals = [
        describe_signal(signal, alert.kind, unit_of(signal.name, settings.signals))
        for signal in alert.signals
    ]
    facts = [f"{alert.events:,} {'event' if alert.events == 1 else 'events'}", *signals]
    lines.append(f":gray[{markdown(alert.kind)} ·] {' · '.join(map(markdown, facts))}")
    if alert.acknowledged_by and alert.acknowledged_at is not None:
        when = clock_time(alert.acknowledged_at, zone)
        lines.append(f":gray[{markdown(when)}] {markdown(alert.acknowledged_by, 40)} acknowledged it")
    lines += [_said(comment, zone) for comment in alert.comments]
    return "  \n".join(lines)


def _said(comment: Comment, zone: tzinfo) -> str:
    when = markdown(clock_time(comment.at, zone))
    return f":gray[{when}] {markdown(comment.by, 40)}: {markdown(comment.text, 500)}"
