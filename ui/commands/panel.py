"""The commands to a vehicle on its page: buttons that ask for confirmation, and what became of commands."""

from __future__ import annotations

import time

import streamlit as st

from ui.commands.catalogue import KINDS, Group
from ui.commands.command_desk import CommandDesk
from ui.commands.dialog import BUTTONS, ask, asked_for, open_for
from ui.commands.outcomes import line, outcomes_of
from ui.formatting import markdown
from ui.shared import shared_commands
from ui.viewer import Viewer

MOST = 6
"""Commands that are listed, the latest."""

OUTCOMES = "vehicle_commands"
"""Name of the section with what became of commands."""


def show_commands(viewer: Viewer, vehicle_id: str) -> None:
    """Draw the commands for whoever may send some, and nothing for others.

    Args:
        viewer: who looks.
        vehicle_id: of the vehicle.
    """
    # A recording cannot be told anything.
    if not viewer.may_command or viewer.settings.source.kind == "recording":
        return
    desk = shared_commands()

    def is_known() -> int:
        return vehicle_id in viewer.feed.state.snapshot().vehicles

    def buttons() -> None:
        if is_known():
            _buttons(viewer, desk, vehicle_id)

    def outcomes() -> None:
        if is_known():
            _outcomes(viewer, desk, vehicle_id)

    # Not drawn with every event: what is drawn under a mouse is hard to click.
    viewer.sections.section(BUTTONS, buttons, ("fleet",), part=is_known)
    viewer.sections.section(OUTCOMES, outcomes, ("commands", "connection", "clock"))


def _buttons(viewer: Viewer, desk: CommandDesk, vehicle_id: str) -> None:
    st.markdown(f"**Commands to {markdown(vehicle_id, 60)}**")
    _group("driving")
    st.caption("For simulated vehicles only:")
    _group("simulation")
    asked = asked_for()
    if asked is not None:
        ask(viewer, desk, vehicle_id, asked)


def _group(group: Group) -> None:
    row = st.container(horizontal=True, gap="small")
    for kind in KINDS:
        if kind.group == group:
            # The dots say that it asks before it does anything.
            row.button(
                f"{kind.label} …",
                icon=f":material/{kind.icon}:",
                key=f"command_{kind.name}",
                on_click=open_for,
                args=(kind,),
            )


def _outcomes(viewer: Viewer, desk: CommandDesk, vehicle_id: str) -> None:
    if viewer.feed.answers_trouble:
        st.warning(
            f"No answers to commands come here: {markdown(viewer.feed.answers_trouble)}. Commands are sent "
            f"all the same; answers are on `{viewer.settings.command_answers_topic}`.",
            icon=":material/sms_failed:",
        )
    found = outcomes_of(vehicle_id, desk.to(vehicle_id), viewer.feed.answers, time.time())
    if not found:
        st.markdown(":gray[None was sent lately.]")
    for outcome in found[:MOST]:
        st.markdown(line(outcome, viewer.zone))
