"""The field for the viewer's name, where nobody has to log in."""

from __future__ import annotations

import streamlit as st

from ui.alerts.requests import LONGEST_NAME
from ui.viewer import Viewer

NAME = "name"
"""Key of the field, also in the address of the page."""


def show_name(viewer: Viewer) -> None:
    """Draw the field for the name that goes with every action, if the page does not know it already."""
    if viewer.name or not viewer.may_act:
        return
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


def name_of(viewer: Viewer) -> str:
    """The name that goes with every action; empty if there is none."""
    return viewer.name or str(st.session_state.get(NAME) or "").strip()
