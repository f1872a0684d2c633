"""Hides the crash report that the engine prints before an error that is then reported in one line.

When a step, a source or a sink raises, the engine's Rust code panics, and its panic hook writes to the
standard error of the process before the exception gets back to Python::

    thread '<unnamed>' panicked at src/operators.rs:198:33:
    Box<dyn Any>
    stack backtrace:
       0: std::panicking::begin_panic
    note: Some details are omitted, run with `RUST_BACKTRACE=full` for a verbose backtrace.

So standard error becomes a pipe, and a thread passes on every line but these.
"""

from __future__ import annotations

import atexit
import os
import re
import sys
import threading
from collections.abc import Iterable, Iterator

_HEADING = re.compile(rb"thread '.*' (\(\d+\) )?panicked at ")
_REST = re.compile(rb"stack backtrace:|note: |\s+\d+: |\s+at |\s*$")


def hide_crash_reports() -> None:
    """Hide the engine's crash reports until this process ends, unless ``RUST_BACKTRACE=full`` asks for them.

    Python's own output is not affected: `sys.stderr` writes to where it did before.
    """
    if os.environ.get("RUST_BACKTRACE") == "full":
        return
    sys.stderr.flush()
    own = os.dup(2)
    reader, writer = os.pipe()
    os.dup2(writer, 2)
    os.close(writer)
    sys.stderr = os.fdopen(own, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)
    thread = threading.Thread(target=_pass_on, args=(reader, own), name="stderr", daemon=True)
    thread.start()

    def restore() -> None:
        # Closes the last write end of the pipe: the thread ends when it has passed on what is left.
        os.dup2(own, 2)
        thread.join(timeout=1.0)

    atexit.register(restore)


def _pass_on(reader: int, own: int) -> None:
    with os.fdopen(reader, "rb") as pipe:
        for line in without_crash_reports(iter(pipe.readline, b"")):
            os.write(own, line)


def without_crash_reports(lines: Iterable[bytes]) -> Iterator[bytes]:
    """The lines that belong to no crash report, each as soon as it is there."""
    in_report = is_message = False
    for line in lines:
        if _HEADING.match(line):
            in_report = is_message = True
        elif is_message:
            # The message of the panic, whatever it is.
            is_message = False
        elif not (in_report and _REST.match(line)):
            in_report = False
            yield line
