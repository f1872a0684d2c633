"""Which ports of this machine are free, and which answer."""

from __future__ import annotations

import random
import socket

from config.errors import SettingsError

LOCALHOST = "127.0.0.1"

CHOSEN_FROM = range(20_000, 32_000)
"""Ports below those that operating systems give to outgoing connections (from 32768 or 49152
on): what is free now must still be free when the program that it was chosen for starts to listen."""

ATTEMPTS = 100
"""Ports that are tried."""


def free_port(preferred: int = 0) -> int:
    """`preferred` if nothing listens there, else any free port.

    Raises:
        SettingsError: no port is free.
    """
    # Seeded by the operating system: programs that choose at the same time rarely choose the same port.
    for port in (*([preferred] if preferred else []), *random.SystemRandom().sample(CHOSEN_FROM, ATTEMPTS)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOCALHOST, port))
            except OSError:
                continue
            return port
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
