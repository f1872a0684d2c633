"""Who looks at the page: in its frame, at the top, with the way out or with a field for the name."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from typing import NamedTuple

import streamlit as st

from config.page_settings import Role
from ui.assets import component
from ui.clock_time import clock_time
from ui.formatting import markdown
from ui.login.access import Access
from ui.login.routes import LOGIN, LOGOUT, WATCH, at
from ui.login.sessions import Session
from ui.login.user_file import LONGEST_NAME

NAME = "name"
"""Key of the field with the viewer's name, also in the address of the page."""

MAY: dict[Role, str] = {
    "viewer": "sees everything, and changes nothing",
    "dispatcher": "acts on alerts",
    "operator": "acts on alerts, and sends commands to vehicles",
}

_session = component("fleet_session", "session.js")
_logout = component("fleet_logout", "logout.js")


class Person(NamedTuple):
    """Who looks at the page.

    Attributes:
        name: as it goes with what they do; empty if it is not known.
        role: what they may do.
    """

    name: str
    role: Role


def cookies() -> Mapping[str, str]:
    """The cookies of the browser, as they came with its connection."""
    return st.context.cookies


def show_account(access: Access, zone: tzinfo) -> Person | None:
    """Draw who it is; ``None`` if nobody is logged in any more, which is all that the page says then.

    Args:
        access: of the page.
        zone: time zone of the browser.
    """
    if not access.is_needed:
        return Person(_show_name(), "operator")
    session = access.session_of(cookies())
    if session is None:
        st.title("Fleet", anchor=False)
        st.info(f"Your session has ended. [Log in]({at(LOGIN)}) to go on.", icon=":material/lock:")
        return None
    _show_session(session, zone)
    return Person(session.name, session.role)


def show_openness(access: Access) -> None:
    """Draw, below the page, who can see it if nobody has to log in."""
    if access.is_needed:
        return
    who = (
        "whoever can reach this page may do everything here"
        if access.is_open
        else "this page answers to this machine only, and everybody on it may do everything here"
    )
    with st.container(key="openness"):
        st.caption(f":material/lock_open: No login is set up: {who}.")


def _show_name() -> str:
    with st.container(key="account"):
        name = st.text_input(
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
    return str(name or "").strip()


def _show_session(session: Session, zone: tzinfo) -> None:
    until = clock_time(datetime.fromtimestamp(session.expires, UTC), zone)
    with st.container(key="account"):
        account = st.popover(markdown(session.name, 24), icon=":material/person:", width="content")
        _session(key="session", data={"watch": at(WATCH), "login": at(LOGIN)}, height=1)
    with account:
        lines = [
            f"**{markdown(session.name, LONGEST_NAME)}**",
            f"{session.role.capitalize()}, who {MAY[session.role]}",
            f":gray[Logged in until {markdown(until)}]",
        ]
        st.markdown("  \n".join(lines))
        _logout(key="logout", data={"logout": at(LOGOUT)}, height="content")
