"""What can be done to the selected alerts: a bar that stays in sight while the list is scrolled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import streamlit as st

from dataflows.events import ActionName, Alert
from ui.alerts import acting
from ui.alerts.alert_words import vehicle_of
from ui.alerts.mute_ends import ENDS, USUAL, End, end_of
from ui.alerts.requests import LONGEST_TEXT, Scope, applicable, describe_scope, scopes_for, vehicles_in
from ui.formatting import markdown
from ui.push.sections import draw_again
from ui.viewer import Viewer

REASON = "known, is being looked into"
"""Of a mute, until the viewer changes it."""

OWN_TIME: End = ENDS[-1]


def show_bulk(viewer: Viewer, chosen: Sequence[Alert], key: str) -> None:
    """Draw what went wrong with the last action; and, if anything is selected, what can be done to it.

    Args:
        viewer: may act.
        chosen: the selected alerts.
        key: of the list.
    """
    Bar(viewer, chosen, key).show()


class Bar:
    """The bar below a list, for one drawing of it; arguments as of `show_bulk`."""

    def __init__(self, viewer: Viewer, chosen: Sequence[Alert], key: str) -> None:
        self._viewer = viewer
        self._chosen = chosen
        self._key = key
        self._now = viewer.feed.alerts.snapshot().taken_at

    def show(self) -> None:
        """Draw it."""
        if not (trouble := acting.trouble()) and not self._chosen:
            return
        with st.container(key=self._of("bulk_bar")):
            if trouble:
                st.error(trouble, icon=":material/error:")
            if self._chosen:
                with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                    self._actions()

    def _actions(self) -> None:
        waiting = len(applicable("acknowledge", self._chosen, self._now))
        muted = applicable("unmute", self._chosen, self._now)
        st.markdown(selected(self._chosen), width="content")
        label = f"Acknowledge {waiting:,}" if 0 < waiting < len(self._chosen) else "Acknowledge"
        self._button("acknowledge", label, "check", kind="primary", disabled=not waiting)
        with self._form("mute", "Mute", "notifications_paused"):
            self._mute()
        if muted:
            with self._form("unmute", "Unmute", "notifications_active"):
                self._unmute()
        with self._form("comment", "Comment", "chat"):
            st.text_input("Comment", max_chars=LONGEST_TEXT, key=self._of("comment_text"))
            self._submit("comment", "Send", lambda: self._perform("comment", text=self._text("comment")))
        self._button("useful", "Useful", "thumb_up")
        self._button("noise", "Noise", "thumb_down")

    def _mute(self) -> None:
        self._scope("mute", "What")
        end = st.radio("Until", ENDS, ENDS.index(USUAL), horizontal=True, key=self._of("mute_end"))
        if end == OWN_TIME:
            zone = self._viewer.zone
            soon = datetime.fromtimestamp(self._now, UTC).astimezone(zone) + timedelta(hours=4)
            st.datetime_input("Date and time", soon.replace(tzinfo=None), key=self._of("mute_at"))
        st.text_input("Reason", REASON, LONGEST_TEXT, key=self._of("mute_text"))
        self._submit("mute", "Mute", self._send_mute)

    def _unmute(self) -> None:
        self._scope("unmute", "What")
        st.caption("What was muted as a whole vehicle or kind is to be unmuted as such.")
        self._submit("unmute", "Unmute", lambda: self._perform("unmute", scope=self._chosen_scope("unmute")))

    def _scope(self, action: ActionName, label: str) -> None:
        st.radio(
            label,
            scopes_for(self._chosen),
            key=self._of(f"{action}_scope"),
            format_func=lambda scope: markdown(describe_scope(scope, self._chosen), 200),
        )

    def _send_mute(self) -> bool:
        at = st.session_state.get(self._of("mute_at"))
        end: End = st.session_state.get(self._of("mute_end")) or USUAL
        until = end_of(end, self._now, self._viewer.zone, at)
        if until is None:
            acting.note_answer("Nothing was sent: the end of the mute is not in the future.")
            return False
        return self._perform("mute", self._text("mute"), until, self._chosen_scope("mute"))

    def _perform(
        self, action: ActionName, text: str = "", until: datetime | None = None, scope: Scope = "alerts"
    ) -> bool:
        if action in ("mute", "comment") and not text:
            what = "reason" if action == "mute" else "comment"
            acting.note_answer(f"Nothing was sent: the {what} is empty.")
            return False
        return acting.perform(self._viewer, action, self._chosen, text, until, scope)

    def _button(
        self, action: ActionName, label: str, icon: str, kind: str = "secondary", disabled: bool = False
    ) -> None:
        st.button(
            label,
            key=self._of(action),
            icon=f":material/{icon}:",
            type=kind,  # type: ignore[arg-type]
            disabled=disabled,
            on_click=self._done,
            args=(lambda: self._perform(action), ""),
        )

    def _form(self, action: ActionName, label: str, icon: str) -> st.delta_generator.DeltaGenerator:
        return st.popover(
            label, key=self._of(f"{action}_popover"), icon=f":material/{icon}:", on_change="rerun"
        )

    def _submit(self, action: ActionName, label: str, send: Callable[[], bool]) -> None:
        st.button(
            label, key=self._of(f"{action}_send"), type="primary", on_click=self._done, args=(send, action)
        )

    def _done(self, send: Callable[[], bool], form: str) -> None:
        """Do what was asked for; then nothing is selected any more, and the form is closed."""
        if send():
            done_with(self._key, self._chosen)
            if form:
                st.session_state[self._of(f"{form}_popover")] = False
        draw_again()

    def _text(self, action: ActionName) -> str:
        return str(st.session_state.get(self._of(f"{action}_text")) or "").strip()

    def _chosen_scope(self, action: ActionName) -> Scope:
        scope: Scope = st.session_state.get(self._of(f"{action}_scope")) or "alerts"
        return scope

    def _of(self, name: str) -> str:
        return f"{self._key}_{name}"


def selected(chosen: Sequence[Alert]) -> str:
    """Markdown: what the buttons act on."""
    if len(chosen) == 1:
        (alert,) = chosen
        subject = markdown(alert.subject.replace("_", " "), 40)
        return f"**{markdown(vehicle_of(alert), 40)}** :gray[{subject}]"
    vehicles = len(vehicles_in(chosen))
    return f"**{len(chosen):,} alerts** :gray[{vehicles:,} {'vehicle' if vehicles == 1 else 'vehicles'}]"


def done_with(key: str, chosen: Sequence[Alert]) -> None:
    """Note that what is selected has been dealt with: the list with this key selects nothing any more."""
    st.session_state[f"{key}_done"] = frozenset(alert.alert_id for alert in chosen)
    st.session_state[f"{key}_rounds"] = rounds(key) + 1


def rounds(key: str) -> int:
    """How often the selection of a list has been dealt with: the browser clears it each time."""
    count: int = st.session_state.get(f"{key}_rounds", 0)
    return count


def not_done(key: str, selection: Sequence[str]) -> frozenset[str]:
    """What is selected, unless it has been dealt with and the browser has not cleared it yet."""
    chosen = frozenset(selection)
    return frozenset() if chosen == st.session_state.get(f"{key}_done") else chosen


def selection_changed(key: str) -> None:
    """Note that the viewer has selected something else."""
    st.session_state.pop(f"{key}_done", None)
