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

    The job then ends with status 0 after a last snapshot, and repeats nothing when it is started again. If
    the sinks do not let it within `PATIENCE` (a broker that is away), it ends with status 1 and one line, and
    goes on at its last snapshot; so it does after a second SIGINT. Of a job of several processes all must be
    asked.

    Args:
        program: what the line starts with.
        source: whatever is read.
    """
    asked = threading.Event()
    stop = StopRequest(on_request=asked.set)
    stop.__enter__()
    threading.Thread(target=_give_up, args=(program, asked), name="stopping", daemon=True).start()
    return StoppableSource(source, stop)


def _give_up(program: str, asked: threading.Event) -> None:
    asked.wait()
    threading.Event().wait(PATIENCE)
    print(
        f"{program}: asked to stop, and could not within {PATIENCE:g} s: what was read last is not confirmed "
        "by its sink; nothing is lost, the next start goes on from the last snapshot",
        file=sys.stderr,
        flush=True,
    )
    # Neither the engine nor a sink that waits for its broker can be interrupted.
    os._exit(1)
