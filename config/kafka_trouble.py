"""Why kafka-python could not connect: it tells its log, but not its caller."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

CONNECTIONS = "kafka.net.manager"
REFUSED = "Authentication failed"
HUNG_UP = "socket disconnected"
"""What kafka-python says when the cluster closes a connection; also after a refusal that it has not read."""

_REASON = re.compile(r"failed: (?:\[Error \d+\] )?(?:\w+Error: )*(?P<words>.*?)(?: \(backoff .*)?$")


class Trouble(logging.Handler):
    """Notes why connections failed: the first reason, unless the cluster has refused us.

    Attributes:
        words: the reason; empty if there is none.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.words = ""

    @property
    def is_refusal(self) -> bool:
        """Whether the cluster answered, but did not let us in."""
        return REFUSED in self.words

    def emit(self, record: logging.LogRecord) -> None:
        found = _REASON.search(record.getMessage())
        # A cluster that refuses a password may also just hang up: that it refused says more.
        if found and not self.is_refusal and (not self.words or REFUSED in found["words"]):
            number = re.match(r"(\d+) E[A-Z]+$", found["words"])
            self.words = os.strerror(int(number[1])) if number else found["words"]


@contextmanager
def noted_trouble() -> Iterator[Trouble]:
    """Note why connections fail while the context lasts, in this process."""
    trouble = Trouble()
    logger = logging.getLogger(CONNECTIONS)
    logger.addHandler(trouble)
    try:
        yield trouble
    finally:
        logger.removeHandler(trouble)
