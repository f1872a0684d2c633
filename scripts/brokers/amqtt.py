"""The embedded MQTT broker of the demo: ``python -m scripts.brokers.amqtt``.

amqtt is pure Python, so the demo needs neither root nor Docker. It speaks MQTT 3.1.1 and keeps nothing
over a restart; for real use take a broker such as mosquitto with ``config/mosquitto.conf``.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from pathlib import Path

from amqtt.broker import Broker as Server
from amqtt.errors import BrokerError as AmqttError

from config.broker_settings import MqttSettings
from config.errors import BrokerError, exit_on_error
from config.settings import load
from scripts.brokers.ports import LOCALHOST
from scripts.brokers.process import Broker


async def serve(settings: MqttSettings) -> None:
    """Serve on the configured host and port until SIGTERM or SIGINT.

    Raises:
        BrokerError: the port cannot be listened on.
    """
    stopped = asyncio.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signal_number, stopped.set)
    address = f"{settings.host}:{settings.port}"
    broker = Server(
        {
            "listeners": {"default": {"type": "tcp", "bind": address}},
            "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
        }
    )
    try:
        await broker.start()
    except (AmqttError, OSError) as error:
        raise BrokerError(
            f"cannot listen on {address}: {error}; stop what does, or set FLEET__MQTT__PORT to a free port"
        ) from None
    print(f"broker on {address}", flush=True)
    await stopped.wait()
    await broker.shutdown()


class Amqtt(Broker):
    """The broker in pure Python: MQTT 3.1.1 only, and it keeps nothing over a restart."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, "3.1.1")
        self._configuration = directory / "amqtt.yaml"
        self._configuration.write_text(
            f"listeners: {{default: {{type: tcp, bind: '{LOCALHOST}:{self.port}'}}}}\n"
            "plugins: {amqtt.plugins.authentication.AnonymousAuthPlugin: {allow_anonymous: true}}\n",
            encoding="utf-8",
        )

    def command(self) -> list[str]:
        return [sys.executable, "-m", "amqtt.scripts.broker_script", "-c", str(self._configuration)]


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    # It reports every client that leaves without a farewell, as killed processes do, as an error.
    logging.getLogger("amqtt").setLevel(logging.CRITICAL)
    with exit_on_error("broker"):
        asyncio.run(serve(load().mqtt))
