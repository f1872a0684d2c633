"""The embedded MQTT broker of the demo: ``python -m scripts.brokers.embedded``.

It is amqtt, which is pure Python, so the demo needs neither root nor Docker. It speaks MQTT 3.1.1, does not
redeliver what a client had received but not acknowledged when it crashed, and loses everything in a restart.
In production use a broker such as mosquitto with ``config/mosquitto.conf``. docs/embedded-broker.md compares
the brokers that pip can install.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from amqtt.broker import Broker as AmqttServer
from amqtt.errors import BrokerError as AmqttError
from amqtt.plugins.base import BaseAuthPlugin
from amqtt.session import Session

from config.errors import BrokerError, exit_on_error
from config.settings import load
from scripts.brokers.process import Broker

ROOT = Path(__file__).resolve().parents[2]


class AdmitEveryone(BaseAuthPlugin):  # type: ignore[misc]
    """Admits every client.

    amqtt's own plugin for that marks clients as anonymous, and amqtt keeps no session of an anonymous client.
    """

    async def authenticate(self, *, session: Session) -> bool:
        return True


class Server(AmqttServer):  # type: ignore[misc]
    """amqtt, which sends retained messages only to clients that have just subscribed to their topics.

    amqtt itself also sends those of all filters that any client has subscribed to, to each client that
    connects. MQTT sends them on SUBSCRIBE (3.1.1, 3.3.1.3); the messages that nobody asked for would also
    take so long that the connection breaks if another client subscribes meanwhile.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._subscribing: set[str | None] = set()

    async def _handle_subscription(self, client_session: Session, *arguments: Any) -> None:
        self._subscribing.add(client_session.client_id)
        try:
            await super()._handle_subscription(client_session, *arguments)
        finally:
            self._subscribing.discard(client_session.client_id)

    async def _publish_retained_messages_for_subscription(
        self, subscription: tuple[str, int], session: Session
    ) -> None:
        if session.client_id in self._subscribing:
            await super()._publish_retained_messages_for_subscription(subscription, session)


async def serve(host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        BrokerError: the port cannot be listened on.
    """
    stopped = asyncio.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signal_number, stopped.set)
    address = f"{host}:{port}"
    plugin = f"scripts.brokers.embedded.{AdmitEveryone.__name__}"
    server = Server({"listeners": {"default": {"type": "tcp", "bind": address}}, "plugins": {plugin: {}}})
    try:
        await server.start()
    except (AmqttError, OSError) as error:
        raise BrokerError(
            f"cannot listen on {address}: {error}; stop the program that uses this port, or name a free one "
            "with --port or FLEET__MQTT__PORT"
        ) from None
    print(f"broker on {address}", flush=True)
    await stopped.wait()
    await server.shutdown()


class EmbeddedBroker(Broker):
    """The embedded broker as a child process."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, "3.1.1")

    def command(self) -> list[str]:
        address = ["--host", self.host, "--port", str(self.port)]
        return [sys.executable, "-m", "scripts.brokers.embedded", *address]

    @property
    def working_directory(self) -> Path:
        return ROOT


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the broker until Ctrl-C."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.brokers.embedded",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", help="address to listen on (default: [mqtt] host)")
    parser.add_argument("--port", type=int, metavar="N", help="port to listen on (default: [mqtt] port)")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    # It logs every client that disappears without DISCONNECT, as killed processes do, as an error.
    logging.getLogger("amqtt").setLevel(logging.CRITICAL)
    with exit_on_error("broker"):
        mqtt = load().mqtt
        asyncio.run(serve(options.host or mqtt.host, options.port or mqtt.port))


if __name__ == "__main__":
    main()
