"""kafka-python as the page uses it: options, clients that leave no thread behind, reasons for errors."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kafka import KafkaConsumer, KafkaProducer
from kafka.errors import KafkaTimeoutError, SaslAuthenticationFailedError

from config.broker_settings import KafkaSettings
from config.kafka_options import RECONNECT_WITHIN, security_protocol

CONNECTIONS = "kafka.net.manager"
"""Name of the logger that reports connection attempts."""

HUNG_UP = "socket disconnected"
"""kafka-python's reason when the cluster closes a connection, even after a refusal that it has not read."""

ERRNO = re.compile(r"(\d+) E[A-Z]+")
"""A reason as a number and a name, such as ``111 ECONNREFUSED``."""

LONGEST_REASON = 300
"""Characters."""


def consumer_options(settings: KafkaSettings, role: str) -> dict[str, Any]:
    """``[kafka]`` as kafka-python takes it.

    Args:
        settings: the section ``[kafka]``.
        role: appended to the client id.
    """
    tls = settings.tls
    options: dict[str, Any] = {
        "bootstrap_servers": [address.strip() for address in settings.bootstrap.split(",")],
        "client_id": f"{settings.client_id}-{role}",
        "security_protocol": security_protocol(settings),
        "reconnect_backoff_max_ms": RECONNECT_WITHIN,
    }
    if settings.username is not None:
        options |= {
            "sasl_mechanism": settings.sasl_mechanism,
            "sasl_plain_username": settings.username,
            "sasl_plain_password": settings.password.get_secret_value() if settings.password else "",
        }
    if tls.enabled:
        files = {"ssl_cafile": tls.ca_file, "ssl_certfile": tls.certificate_file, "ssl_keyfile": tls.key_file}
        options |= {name: str(file) for name, file in files.items() if file is not None}
    return options


class Consumer(KafkaConsumer):  # type: ignore[misc]  # it has no types
    """kafka-python's consumer, which ends its thread if it cannot connect.

    Raises:
        KafkaError: the cluster does not answer or refuses us.
    """

    def __init__(self, **options: Any) -> None:
        try:
            super().__init__(**options)
        except BaseException:
            # The thread is running by then, and nobody else has a reference to it.
            if hasattr(self, "_net"):
                self._client.close()
                self._net.close()
            raise


class Producer(KafkaProducer):  # type: ignore[misc]  # it has no types
    """kafka-python's producer, which ends its thread if it cannot connect.

    Raises:
        KafkaError: the cluster does not answer or refuses us.
    """

    def __init__(self, **options: Any) -> None:
        clients = []

        def new_client(**arguments: Any) -> Any:
            clients.append(KafkaProducer.DEFAULT_CONFIG["kafka_client"](**arguments))
            return clients[-1]

        try:
            super().__init__(**options, kafka_client=new_client)
        except BaseException:
            for client in clients:
                client.close()
            raise

    def close(self, timeout: float | None = None, null_logger: bool = False) -> None:
        try:
            super().close(timeout, null_logger)
        except KafkaTimeoutError:
            # Something is still unconfirmed: it must not be sent later.
            self._sender.force_close()


def reason(error: BaseException) -> str:
    """The first line of an error, without its class and the requests and responses that it quotes."""
    kind = type(error).__name__
    first = next(iter(str(error).splitlines()), "").split(" failed with response")[0]
    text = first.removeprefix(f"{kind}: ")[:LONGEST_REASON] or kind
    number = ERRNO.fullmatch(text)
    return os.strerror(int(number[1])) if number else text


class ConnectionTrouble(logging.Handler):
    """Notes why connections failed: that the cluster refused us, else the first reason.

    Attributes:
        text: the reason; empty without one.
        is_refusal: whether the cluster answered and did not accept our credentials.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.text = ""
        self.is_refusal = False

    def emit(self, record: logging.LogRecord) -> None:
        arguments = record.args if isinstance(record.args, tuple) else ()
        error = next((argument for argument in arguments if isinstance(argument, Exception)), None)
        if error is None or self.is_refusal:
            return
        # A cluster that refuses a password may also just hang up: that it refused says more.
        self.is_refusal = isinstance(error, SaslAuthenticationFailedError)
        if self.is_refusal or not self.text:
            self.text = reason(error)


@contextmanager
def noted_trouble() -> Iterator[ConnectionTrouble]:
    """Note why connections fail within the context: kafka-python logs it, but does not raise it."""
    trouble = ConnectionTrouble()
    logger = logging.getLogger(CONNECTIONS)
    logger.addHandler(trouble)
    try:
        yield trouble
    finally:
        logger.removeHandler(trouble)
