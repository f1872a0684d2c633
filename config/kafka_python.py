"""kafka-python's clients: opened so that nothing is left behind, and with the reason when they cannot be."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

CONNECTIONS = "kafka.net.manager"

REFUSED = "Authentication failed"
HUNG_UP = "socket disconnected"
"""What kafka-python says when the cluster closes a connection; also after a refusal that it has not read."""

_REASON = re.compile(r"failed: (?:\[Error \d+\] )?(?:\w+Error: )*(?P<words>.*?)(?: \(backoff .*)?$")

Client = TypeVar("Client")


def open_client(kind: type[Client], **options: Any) -> Client:
    """Make a client and connect it.

    Args:
        kind: ``KafkaConsumer`` or ``KafkaAdminClient``.
        options: of its constructor.

    Raises:
        KafkaError: the cluster does not answer or refuses us.
    """
    client: Any = kind.__new__(kind)
    try:
        client.__init__(**options)
    except BaseException:
        # Its thread is running by then, and nobody else has a handle to it.
        if hasattr(client, "_net"):
            client._client.close()
            client._net.stop()
            client._net.close()
        raise
    opened: Client = client
    return opened


def words(error: Exception) -> str:
    """The first line of an error, without its class and the requests and responses that it quotes."""
    kind = type(error).__name__
    first = next(iter(str(error).splitlines()), "").split(" failed with response")[0]
    return first.removeprefix(f"{kind}: ")[:300] or kind


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
    """Note why connections fail while the context lasts: kafka-python tells its log, but not its caller."""
    trouble = Trouble()
    logger = logging.getLogger(CONNECTIONS)
    logger.addHandler(trouble)
    try:
        yield trouble
    finally:
        logger.removeHandler(trouble)
