"""Where the page may be reached without a login: on this machine, unless a setting says otherwise."""

from __future__ import annotations

import ipaddress
import logging
from urllib.parse import urlsplit

import streamlit as st

from config.errors import SettingsError
from ui.login.access import Access, shared_access

log = logging.getLogger(__name__)


def is_local(address: str | None) -> bool:
    """Whether nobody but this machine reaches what listens on an address; none is all addresses."""
    if not address:
        return False
    try:
        return ipaddress.ip_address(address.strip("[]")).is_loopback
    except ValueError:
        return address.lower() == "localhost"


def check_address() -> None:
    """Check, before the page listens, that it may do so where it is told to; log who can see it.

    Raises:
        SettingsError: others could reach it without a login, or nobody knows whether they could.
    """
    address = st.get_option("server.address")
    is_here = is_local(address)
    try:
        access = shared_access()
    except SettingsError as error:
        if not is_here:
            raise
        log.warning("invalid settings: %s", error)
        return
    if access.is_needed:
        log.info("the page asks for a login")
    elif access.is_open:
        log.info("no login: whoever can reach the page may see and do everything (page.open)")
    elif is_here:
        log.info("no login: the page answers to this machine only, where everybody may do everything")
    else:
        raise SettingsError(
            f"expected a login for a page that others can reach, got none, and server.address = "
            f"{address or 'all addresses'!r}; set page.login.users (docs/security.md), or --server.address "
            "localhost, or page.open = true if everybody who can reach it may see and do everything"
        )


def is_meant_for(access: Access | None, host: str) -> bool:
    """Whether a page without a login may answer under the name in a request's Host.

    A name of somebody else's may lead to this machine, and for a browser here a page of theirs would then be
    of the same origin as this one, and could do everything here (DNS rebinding).

    Args:
        access: of the page; ``None`` while the settings are invalid.
        host: name or address, and perhaps a port.
    """
    if access is not None and access.is_open:
        return True
    try:
        return is_local(urlsplit(f"//{host}").hostname)
    except ValueError:
        return False
