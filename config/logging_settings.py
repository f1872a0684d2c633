"""The section ``[logging]``: what programs log, and how."""

from __future__ import annotations

from typing import Literal

from config.section import Section


class LoggingSettings(Section):
    """How every program logs to standard error; described in ``docs/deployment.md``.

    Attributes:
        format: ``text`` for people, ``json`` for what collects logs, one object a line; ``auto`` is text on a
            terminal and for commands that answer and end, and JSON elsewhere.
        level: least level that is logged. It does not apply to libraries: they log warnings and errors only.
    """

    format: Literal["auto", "json", "text"] = "auto"
    level: Literal["debug", "info", "warning", "error"] = "info"
