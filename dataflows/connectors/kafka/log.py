"""The log of librdkafka, without the flood: it logs every connection attempt of every client."""

from __future__ import annotations

import logging
import time

QUIET = 30.0
"""Seconds in which failed connections are logged once, whatever the number of clients."""

FAILED = "FAIL"
"""librdkafka's name for a connection that failed or was lost."""


class OncePerOutage(logging.Filter):
    """Passes one line about failed connections, and then none for `QUIET` seconds."""

    def __init__(self) -> None:
        super().__init__()
        self._logged_at = -QUIET

    def filter(self, record: logging.LogRecord) -> bool:
        if not (isinstance(record.args, tuple) and record.args and record.args[0] == FAILED):
            return True
        if time.monotonic() - self._logged_at < QUIET:
            return False
        self._logged_at = time.monotonic()
        return True


logger = logging.getLogger("dataflows.connectors.kafka")
"""For every client of librdkafka."""

logger.addFilter(OncePerOutage())
