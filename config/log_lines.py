"""Log records as lines: JSON for what collects logs, text for people."""

from __future__ import annotations

import json
import logging
import math
import re
from datetime import UTC, datetime
from typing import Any

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
"""Attributes that every record has; all others were given as `extra`."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class JsonLines(logging.Formatter):
    """A record as a JSON object in one line (RFC 8259, ASCII), the time in UTC (ISO 8601).

    Thirty lines of our own, since no library would save any: libraries log with `logging`, so a formatter is
    needed in any case, and that of python-json-logger writes neither this time nor always valid JSON.

    What is given as `extra` becomes fields of the object, after those that every line has. What JSON has no
    type for becomes a text, and a number that is not finite null.

    Args:
        program: that logs; a field of every line.
    """

    def __init__(self, program: str) -> None:
        super().__init__()
        self._program = program

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": utc(record.created),
            "level": record.levelname.lower(),
            "program": self._program,
            "logger": record.name,
            "message": record.getMessage(),
        }
        for name, value in vars(record).items():
            if name not in _STANDARD and name not in line:
                line[name] = _finite(value)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def _finite(value: Any) -> Any:
    """The value with null in place of what JSON has no number for."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


class TextLines(logging.Formatter):
    """A record as a line for people, the time in UTC; only a traceback has lines of its own.

    Control characters are escaped: names come from vehicles, and could otherwise forge a line or change what
    a terminal shows.
    """

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802
        return utc(record.created)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        record.message = _CONTROL.sub(lambda found: ascii(found[0])[1:-1], record.message)
        return super().formatMessage(record)


def utc(seconds: float) -> str:
    """A time in seconds since 1970 as ISO 8601 with milliseconds and ``Z``."""
    return f"{datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def writes_json() -> bool:
    """Whether this process logs JSON."""
    return any(isinstance(handler.formatter, JsonLines) for handler in logging.getLogger().handlers)
