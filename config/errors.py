"""The tree of errors. Every error that a user can meet derives from `FleetError`.

    FleetError
    ├── SettingsError         a setting is wrong, unknown or missing
    ├── BrokerError           a broker cannot be reached, or refused the connection
    ├── DeliveryError         an outgoing message was not confirmed in time
    ├── RecordingError        a recording cannot be read or written
    ├── HistoryError          the history cannot be written, or a question to it cannot be answered
    ├── DeadLetterLimitError  so much input is bad that something upstream must be wrong
    ├── SnapshotError         stored state does not fit this version or these settings
    ├── RecoveryError         the recovery directory is missing, damaged, full, unsafe or unreadable
    └── LostProcessError      another process of the same job is gone

A message says what was expected, what came, where, and what to do. Programs print it as one line and exit
with status 1: by `exit_on_error` around what they do themselves, by `install_excepthook` for what runs inside
the dataflow engine.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType

from config.log_lines import writes_json


class FleetError(Exception):
    """Base of every error this project raises on purpose."""


class SettingsError(FleetError):
    """A setting is wrong, unknown or missing; the message names the key."""


class BrokerError(FleetError):
    """A broker cannot be reached within the configured time, or refused the connection."""


class DeliveryError(FleetError):
    """The broker did not confirm an outgoing message within the configured time."""


class RecordingError(FleetError):
    """A recording is missing, empty, damaged or of an unknown format."""


class HistoryError(FleetError):
    """The history cannot be written, or a question to it cannot be answered."""


class DeadLetterLimitError(FleetError):
    """More bad messages than `[dead_letters]` allows: diverting all of them would hide the cause."""


class SnapshotError(FleetError):
    """A stored snapshot has another layout version, or was written with other settings."""


class RecoveryError(FleetError):
    """The recovery directory is missing, damaged, full, of another flow or version, or writable by others."""


class LostProcessError(FleetError):
    """Another process of the same job has exited or become unreachable."""


def report_failure(program: str, message: str) -> None:
    """Write why a program ends as one line on standard error: of text, or of JSON if that is what it logs.

    Args:
        program: name that a line of text starts with.
        message: the reason.
    """
    if writes_json():
        logging.getLogger(program).error("%s", message)
    else:
        print(f"{program}: {message}", file=sys.stderr, flush=True)


@contextmanager
def exit_on_error(program: str) -> Iterator[None]:
    """Turn a `FleetError` into one line on standard error and exit status 1; a context.

    Args:
        program: name that the line starts with, e.g. ``"sim"``.

    Raises:
        SystemExit: status 1 after a `FleetError`, status 130 after Ctrl-C.
    """
    try:
        yield
    except FleetError as error:
        report_failure(program, str(error))
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def install_excepthook(
    program: str, translate: Callable[[BaseException], FleetError | None] = lambda _: None
) -> None:
    """Print an uncaught `FleetError` as one line, even if the dataflow engine has wrapped it.

    Every other exception keeps its traceback: it is a bug, and the traceback is needed to fix it.

    Args:
        program: name that the line starts with.
        translate: returns the `FleetError` that an exception of the engine stands for, or ``None``.
    """
    unexpected = sys.excepthook

    def report(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, FleetError | KeyboardInterrupt):
            cause = translate(cause) or cause.__cause__
        if isinstance(cause, FleetError):
            report_failure(program, str(cause))
        elif cause is None:
            unexpected(kind, error, traceback)

    sys.excepthook = report
