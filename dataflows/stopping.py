"""Ending a job in good order when it is asked to: ``kill``, ``docker stop``, systemd, Ctrl-C."""

from __future__ import annotations

import os
import sys
import threading
from typing import Any

from bytewax.inputs import FixedPartitionedSource

from config.stop_request import StopRequest
from dataflows.connectors.messages import MessageBatch
from dataflows.connectors.stoppable import StoppableSource

PATIENCE = 8.0
"""Seconds to end in good order. Less than the ten after which most supervisors kill."""


def until_asked_to_stop(
    program: str, source: FixedPartitionedSource[MessageBatch, Any]
) -> StoppableSource[MessageBatch]:
    """The source, until SIGTERM or SIGINT asks this process to stop.

    The job then ends with status 0, with recovery after a last snapshot: it repeats nothing when it is
    started again. If the sinks do not let it within `PATIENCE` (a broker that is away), or at a second
    SIGINT, it ends with status 1 and one line. Of a job of several processes all must be asked.

    Args:
        program: what the line starts with.
        source: whatever is read.
    """
    asked, insisted = threading.Event(), threading.Event()
    stop = StopRequest(on_request=asked.set, on_repeat=insisted.set)
    stop.__enter__()  # for as long as this process lives
    waiting = threading.Thread(target=_give_up, args=(program, asked, insisted), name="stopping", daemon=True)
    waiting.start()
    return StoppableSource(source, stop)


def _give_up(program: str, asked: threading.Event, insisted: threading.Event) -> None:
    asked.wait()
    when = "at once" if insisted.wait(PATIENCE) else f"within {PATIENCE:g} s"
    print(
        f"{program}: asked to stop, and could not {when}: what was read last is not confirmed "
        "by its sink; with recovery nothing is lost, the next start goes on from the last snapshot",
        file=sys.stderr,
        flush=True,
    )
    # Neither the engine nor a sink that waits for its broker can be interrupted.
    os._exit(1)
