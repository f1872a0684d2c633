"""The dialog that says what a command will do, to which vehicle, and sends it when it is confirmed."""

from __future__ import annotations

import streamlit as st

from ui.commands.catalogue import (
    WITH_A_SIGNAL,
    Arguments,
    ChoiceArgument,
    CommandKind,
    NumberArgument,
    Value,
    kind_named,
)
from ui.commands.command_desk import CommandDesk
from ui.formatting import markdown, plain
from ui.push.sections import draw_again
from ui.viewer import Viewer

UNKNOWN = "page"
"""The sender where nobody has to log in."""

CHANGED = "What is to be sent has changed meanwhile. Read again what will happen."

BUTTONS = "vehicle_command_buttons"
"""Name of the section with the buttons that open the dialog."""

_ASKED, _TROUBLE = "command_asked", "command_trouble"
_ARGUMENT = "command_argument_"


def open_for(kind: CommandKind) -> None:
    """Have the section of the buttons drawn again with the dialog; from a callback."""
    st.session_state[_ASKED] = kind.name
    draw_again(BUTTONS)


def asked_for() -> CommandKind | None:
    """The command for which the dialog is to be opened now, once; ``None`` if it is for none."""
    return kind_named(st.session_state.pop(_ASKED, ""))


def ask(viewer: Viewer, desk: CommandDesk, vehicle_id: str, kind: CommandKind) -> None:
    """Open the dialog; it is closed when all of the page is drawn again.

    Args:
        viewer: who commands.
        desk: sends the command.
        vehicle_id: to which vehicle.
        kind: which command.
    """

    @st.dialog(f"{kind.label}?", icon=f":material/{kind.icon}:")
    def dialog() -> None:
        arguments = _arguments(viewer, vehicle_id, kind)
        name = markdown(vehicle_id, 60)
        st.markdown(f"**{name}** {markdown(kind.sentence(arguments), 300)}. It is done when {kind.done}.")
        st.caption(_notes(viewer, kind))
        if trouble := st.session_state.pop(_TROUBLE, ""):
            st.error(trouble)
        row = st.container(horizontal=True, horizontal_alignment="right")
        row.button("Cancel", key="command_cancel", on_click=st.rerun)
        row.button(
            f"Send to {plain(vehicle_id, 30)}",
            type="primary",
            key="command_send",
            on_click=_send,
            args=(desk, vehicle_id, kind, dict(arguments), viewer.name or UNKNOWN),
        )

    dialog()


def _send(desk: CommandDesk, vehicle_id: str, kind: CommandKind, shown: Arguments, by: str) -> None:
    # What was read must be what is sent: the browser may be ahead of the sentence.
    names = [argument.name for argument in kind.arguments]
    if any(st.session_state.get(f"{_ARGUMENT}{name}") != shown.get(name) for name in names):
        st.session_state[_TROUBLE] = CHANGED
        open_for(kind)
    sent = desk.send(vehicle_id, kind.name, shown, by)
    if sent.trouble:
        st.session_state[_TROUBLE] = f"It was not sent: {markdown(sent.trouble)}. Try again, or cancel."
        open_for(kind)
    st.rerun()


def _notes(viewer: Viewer, kind: CommandKind) -> str:
    who = f"as {markdown(viewer.name, 60)}" if viewer.name else "from this page"
    real = "" if kind.group == "simulation" else " A real vehicle will really do so."
    return f"It is sent {who}, and not obeyed if it arrives more than a minute late.{real}"


def _arguments(viewer: Viewer, vehicle_id: str, kind: CommandKind) -> Arguments:
    found: dict[str, Value] = {}
    for argument in kind.arguments:
        if isinstance(argument, NumberArgument):
            found[argument.name] = _number(viewer, vehicle_id, argument)
        elif argument.name != "signal" or found.get("kind") in WITH_A_SIGNAL:
            chosen = _choice(viewer, argument)
            if chosen is not None:
                found[argument.name] = chosen
    return found


def _number(viewer: Viewer, vehicle_id: str, argument: NumberArgument) -> float:
    is_place = argument.default is None
    return float(
        st.number_input(
            argument.label,
            min_value=argument.least,
            max_value=argument.most,
            value=_suggested(viewer, vehicle_id, argument),
            step=0.001 if is_place else 10.0,
            format="%.6f" if is_place else "%.0f",
            key=f"{_ARGUMENT}{argument.name}",
        )
    )


def _suggested(viewer: Viewer, vehicle_id: str, argument: NumberArgument) -> float:
    """The default of an argument; of a place, where the vehicle is when the dialog is opened."""
    if argument.default is not None:
        return argument.default
    vehicle = viewer.feed.state.snapshot().vehicles.get(vehicle_id)
    page = viewer.settings.page
    signal = page.latitude if argument.name == "latitude" else page.longitude
    return round((vehicle.latest.values.get(signal) if vehicle else None) or 0.0, 6)


def _choice(viewer: Viewer, argument: ChoiceArgument) -> str | None:
    values = list(argument.values or viewer.settings.target_signals)
    chosen: str | None = st.selectbox(
        argument.label,
        values,
        index=None if argument.is_optional else 0,
        placeholder="any" if argument.is_optional else None,
        format_func=_label,
        key=f"{_ARGUMENT}{argument.name}",
    )
    return chosen


def _label(value: str) -> str:
    return plain(value.replace("_", " "))
