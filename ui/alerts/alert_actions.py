"""What a viewer can do about the selected alerts: acknowledge, mute, comment, call them useful or noise."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import streamlit as st

from config.settings import Settings
from dataflows.events import ActionName, Alert, AlertAction
from ui.actions.action_desk import ActionDesk
from ui.alerts import alert_selection
from ui.alerts.alert_words import vehicle_of
from ui.formatting import markdown
from ui.live.alert_state import AlertSnapshot, is_muted
from ui.live.feed import Feed

NAME = "name"
"""Key of the field with the viewer's name, also in the address of the page."""

LONGEST_NAME, LONGEST_TEXT = 100, 500
"""Characters, as in `AlertAction`."""

MUTE_FOR = timedelta(hours=1)

FIRST_TEXT: dict[ActionName, str] = {"mute": "known, is being looked into", "comment": ""}
"""Actions with a text, and what it is until the viewer changes it."""

TROUBLE_FOR = 60.0
"""Seconds for which a failure is shown."""

_TROUBLE, _TROUBLE_AT = "action_trouble", "action_trouble_at"


def show_name() -> None:
    """Draw the field for the name of the viewer, which goes with every action."""
    st.text_input(
        "Your name",
        key=NAME,
        max_chars=LONGEST_NAME,
        placeholder="Your name",
        label_visibility="collapsed",
        autocomplete="name",
        icon=":material/person:",
        live=True,
        bind="query-params",
    )


def applicable(action: ActionName, alerts: Sequence[Alert], now: float) -> list[Alert]:
    """Those of the alerts for which an action changes something, at `now`, seconds since the epoch."""
    match action:
        case "acknowledge":
            return [alert for alert in alerts if alert.state == "open" and not alert.acknowledged_by]
        case "unmute":
            return [alert for alert in alerts if is_muted(alert, now)]
        case _:
            return list(alerts)


def show_actions(feed: Feed, desk: ActionDesk, settings: Settings) -> None:
    """Draw the buttons, what they act on, and what went wrong with the last one."""
    alerts = feed.alerts.snapshot()
    chosen = alert_selection.selected(alerts.alerts)
    named = bool(_name())

    def button(action: ActionName, label: str, icon: str) -> None:
        possible = named and bool(applicable(action, chosen, alerts.taken_at))
        st.button(label, key=f"alert_{action}", icon=icon, disabled=not possible, on_click=_act,
                  args=(feed, desk, settings, action))  # fmt: skip

    def form(action: ActionName, label: str, icon: str, field: str, submit: str) -> None:
        disabled = not (named and chosen)
        with (
            st.popover(label, key=_popover(action), icon=icon, disabled=disabled, on_change="rerun"),
            st.form(f"alert_{action}_form", border=False),
        ):
            st.text_input(field, FIRST_TEXT[action], LONGEST_TEXT, key=_text(action))
            st.form_submit_button(submit, key=f"alert_{action}", disabled=disabled, on_click=_act,
                                  args=(feed, desk, settings, action))  # fmt: skip

    with st.container(horizontal=True, vertical_alignment="center", key="alert_actions"):
        button("acknowledge", "Acknowledge", ":material/check:")
        form("mute", "Mute for an hour", ":material/notifications_paused:", "Reason", "Mute")
        form("comment", "Comment", ":material/chat:", "Comment", "Send")
        button("useful", "Useful", ":material/thumb_up:")
        button("noise", "Noise", ":material/thumb_down:")
        st.markdown(hint(named, chosen))
        # The last one, so that nothing else is redrawn when it appears.
        if applicable("unmute", chosen, alerts.taken_at):
            button("unmute", "Unmute", ":material/notifications_active:")
    trouble = st.session_state.get(_TROUBLE, "")
    if trouble and alerts.taken_at - st.session_state[_TROUBLE_AT] < TROUBLE_FOR:
        st.error(trouble, icon=":material/error:")


def hint(named: bool, chosen: Sequence[Alert]) -> str:
    """Markdown: what the buttons act on, or what they need."""
    if not named:
        return ":orange[Enter your name above: it goes with what you do.]"
    if not chosen:
        return ":gray[Select rows to act on them.]"
    if len(chosen) == 1:
        (alert,) = chosen
        return f":gray[Selected: {markdown(vehicle_of(alert), 40)}, {markdown(alert.subject, 40)}]"
    vehicles = len({alert.vehicle_id for alert in chosen})
    return f":gray[Selected: {len(chosen)} alerts of {vehicles} {'vehicle' if vehicles == 1 else 'vehicles'}]"


def actions_for(
    alerts: Sequence[Alert], action: ActionName, by: str, text: str, now: float
) -> list[AlertAction]:
    """The messages that ask the job for an action on each alert.

    Args:
        alerts: which.
        action: what.
        by: who.
        text: of a comment; the reason of a mute.
        now: seconds since the epoch.
    """
    until = datetime.fromtimestamp(now, UTC) + MUTE_FOR if action == "mute" else None
    return [
        AlertAction(
            action=action,
            by=by[:LONGEST_NAME],
            alert_id=alert.alert_id,
            text=text[:LONGEST_TEXT],
            until=until,
        )
        for alert in alerts
    ]


def failure(settings: Settings, action: ActionName, reason: str) -> str:
    """Markdown: that an action was not delivered, why, and where to look."""
    broker = "Kafka cluster" if settings.sink.kind == "kafka" else "MQTT broker"
    return (
        f"Not sent: {action}. {broker} at {markdown(settings.enriched_broker)}: {markdown(reason)}. "
        "Try again; if it keeps failing, check that the dataflow is running and that this page may write to "
        f"`{settings.actions_topic}`."
    )


def _name() -> str:
    return str(st.session_state.get(NAME) or "").strip()


def _text(action: ActionName) -> str:
    """Key of the field with the text: each text that was sent is followed by a new field."""
    return f"alert_{action}_text_{st.session_state.get(_fields(action), 0)}"


def _fields(action: ActionName) -> str:
    return f"alert_{action}_texts"


def _popover(action: ActionName) -> str:
    return f"alert_{action}_popover"


def _act(feed: Feed, desk: ActionDesk, settings: Settings, action: ActionName) -> None:
    alerts = feed.alerts.snapshot()
    text = str(st.session_state.get(_text(action)) or "").strip()
    chosen = applicable(action, alert_selection.selected(alerts.alerts), alerts.taken_at)
    if not chosen or not _name():
        return
    if action in FIRST_TEXT and not text:
        _note_trouble("Nothing was sent: the text is empty.", alerts)
        return
    reason = desk.send(chosen, actions_for(chosen, action, _name(), text, alerts.taken_at))
    _note_trouble(failure(settings, action, reason) if reason else "", alerts)
    if action in FIRST_TEXT:
        st.session_state[_popover(action)] = False
    if not reason:
        alert_selection.clear()
        if action in FIRST_TEXT:
            st.session_state[_fields(action)] = st.session_state.get(_fields(action), 0) + 1


def _note_trouble(text: str, alerts: AlertSnapshot) -> None:
    st.session_state[_TROUBLE], st.session_state[_TROUBLE_AT] = text, alerts.taken_at
