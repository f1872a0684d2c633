"""What librdkafka logs, without the flood: it tells every attempt to connect, of every client."""

from __future__ import annotations

import logging
import time

QUIET = 30.0
"""Seconds in which a failed connection is told once, whatever the number of clients."""

FAILED = "FAIL"
"""How librdkafka calls a connection that failed or was lost."""


class OncePerOutage(logging.Filter):
    """Lets one line about failed connections through, and then none for `QUIET` seconds."""

    def __init__(self) -> None:
        super().__init__()
        self._told = -QUIET

    def filter(self, record: logging.LogRecord) -> bool:
        if not (isinstance(record.args, tuple) and record.args and record.args[0] == FAILED):
            return True
        if time.monotonic() - self._told < QUIET:
            return False
        self._told = time.monotonic()
        return True


logger = logging.getLogger("dataflows.connectors.kafka")
"""For every client of librdkafka."""

logger.addFilter(OncePerOutage())
