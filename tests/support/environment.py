"""The environment of programs that tests start."""

from __future__ import annotations

import os

READABLE = {"FLEET__LOGGING__FORMAT": "text"}
"""Most tests read what programs log as people do; tests/flow/test_logs.py is about the lines of JSON."""


def without_settings() -> dict[str, str]:
    """The environment of the tests without settings of whoever runs them."""
    return {name: value for name, value in os.environ.items() if not name.startswith("FLEET")} | READABLE
