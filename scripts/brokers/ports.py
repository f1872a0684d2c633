"""Which ports of this machine are free, and which answer."""

from __future__ import annotations

import socket

from config.errors import SettingsError

LOCALHOST = "127.0.0.1"


def free_port(preferred: int = 0) -> int:
    """`preferred` if nothing listens there, else any free port.

    Raises:
        SettingsError: no port is free.
    """
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOCALHOST, port))
            except OSError:
                continue
            chosen: int = probe.getsockname()[1]
            return chosen
    raise SettingsError(
        "expected a free port on this machine, found none; stop a program that listens on one"
    )


def answers(port: int) -> bool:
    """Whether something on this machine accepts connections on this port."""
    try:
        with socket.create_connection((LOCALHOST, port), timeout=1.0):
            return True
    except OSError:
        return False
