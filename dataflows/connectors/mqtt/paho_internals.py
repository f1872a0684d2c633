"""What we use of paho that it does not promise to keep. All of it is in this file.

paho-mqtt is pinned to one version in pyproject.toml for this reason. When the pin is raised,
tests/unit/connectors/mqtt/test_paho_internals.py says by name what is gone.
"""

from __future__ import annotations

import socket
from collections.abc import Callable

import paho.mqtt.client as paho
from paho.mqtt import __version__ as paho_version

from config.errors import SettingsError
from config.mqtt_options import ReportingClient
from dataflows.connectors.mqtt.buffered_socket import BufferedSocket
from dataflows.connectors.mqtt.packets import PINGRESP, PacketReader

PRIVATE_NAMES = {
    "_create_socket": "connects; what it returns is wrapped, so that PUBLISH and PUBACK packets bypass paho",
}
"""Private names of `paho.mqtt.client.Client`, and what depends on each."""


class PacketClient(ReportingClient):
    """paho's client, which sees neither the PUBLISH nor the PUBACK packets that it receives.

    In place of what is taken out it gets a PINGRESP, whose only effect in paho is that the broker counts as
    alive. Otherwise paho would give up a busy connection, since the answer to its PINGREQ may wait behind
    messages for longer than the keepalive.

    Attributes:
        new_reader: creates what takes packets out of a new connection.
        write_timeout: as that of `BufferedSocket`, seconds.
    """

    new_reader: Callable[[], PacketReader]
    write_timeout: float

    def _create_socket(self) -> BufferedSocket:
        connection, take = super()._create_socket(), self.new_reader().take
        assert isinstance(connection, socket.socket)  # it is something else only over WebSocket
        return BufferedSocket(connection, lambda received: take(received) or PINGRESP, self.write_timeout)


def check_paho() -> None:
    """Check that the installed paho has all `PRIVATE_NAMES`.

    Raises:
        SettingsError: it lacks one of them.
    """
    for name, purpose in PRIVATE_NAMES.items():
        if not hasattr(paho.Client, name):
            raise SettingsError(
                f"paho-mqtt {paho_version} has no Client.{name} ({purpose}); "
                "install the version that pyproject.toml pins: pip install -e ."
            )
