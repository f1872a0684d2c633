"""Logging, set up in the same way by every program: to standard error, as ``[logging]`` says.

Levels mean: *debug* detail, *info* the life of the program, *warning* it goes on and somebody should look,
*error* it stops or has lost something. Payloads are never logged at info or above.
"""

from __future__ import annotations

import logging
import sys
import threading
from types import TracebackType
from typing import Any

from config.extras import hint
from config.log_lines import JsonLines, TextLines, writes_json
from config.settings import logging_in_force

OURS = ("config", "dataflows", "sim", "ui")
"""Loggers that ``logging.level`` applies to."""


def configure_logging(
    program: str, text: str = "%(asctime)s %(levelname)s %(message)s", *, is_command: bool = False
) -> None:
    """Log to standard error.

    Works with settings that are wrong elsewhere, too, so that the error is reported in the right form.

    Args:
        program: its name; a field of every line of JSON, and the name of its own logger.
        text: format of a line of text, as `logging.Formatter` takes it.
        is_command: whether it answers and ends, for somebody who reads what it says; it logs JSON only if the
            settings demand it.
    """
    settings = logging_in_force()
    is_read_by_people = is_command or sys.stderr.isatty()
    as_json = settings.format == "json" or (settings.format == "auto" and not is_read_by_people)
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines(program) if as_json else TextLines(text))
    # Libraries log what they send and receive below that, which may be secret.
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    for name in (*OURS, program):
        logging.getLogger(name).setLevel(settings.level.upper())
    if as_json:
        logging.captureWarnings(capture=True)
        sys.excepthook = _log_uncaught
        threading.excepthook = _log_uncaught_of_thread


def announce(program: str, message: str, *, prefix: str = "", **fields: Any) -> None:
    """Tell people what a program does or has done: on standard output, or in the log if that is JSON.

    Args:
        program: that tells it.
        message: the line.
        prefix: in front of the line on standard output.
        fields: of the line of JSON, beside the message.
    """
    if writes_json():
        logging.getLogger(program).info(message, extra=fields)
    else:
        print(f"{prefix}{message}", flush=True)


def _log_uncaught(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    if isinstance(error, KeyboardInterrupt):
        return
    if isinstance(error, ImportError) and (missing := hint(error)) is not None:
        logging.getLogger("config").error(missing)
        return
    report_bug = logging.getLogger("config").critical
    report_bug("an unexpected error, which is a bug: %s", kind.__name__, exc_info=(kind, error, traceback))


def _log_uncaught_of_thread(arguments: threading.ExceptHookArgs) -> None:
    if arguments.exc_value is not None:
        _log_uncaught(arguments.exc_type, arguments.exc_value, arguments.exc_traceback)
