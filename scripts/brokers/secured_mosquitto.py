"""mosquitto with ``config/mosquitto-secure.conf``."""

from __future__ import annotations

import getpass
import shutil
import signal
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from config.broker_settings import MqttSettings, TlsSettings
from config.settings import DEFAULT_FILE
from scripts.broker_users import ROLES, add_users
from scripts.brokers.mosquitto import program
from scripts.brokers.ports import LOCALHOST, free_port
from scripts.brokers.process import Broker
from scripts.certificates import make_authority, make_server_certificate

CONFIGURATION = DEFAULT_FILE.with_name("mosquitto-secure.conf")
RIGHTS = DEFAULT_FILE.with_name("mosquitto.acl")


class SecuredMosquitto(Broker):
    """mosquitto with the shipped secured configuration, on two free ports.

    Its directory has certificates, users and permissions where the project has them.

    Attributes:
        port: for vehicles.
        services_port: for all other users.
        ca_file: the authority that signed its certificate.
        passwords: user → password.
    """

    def __init__(self, directory: Path, vehicles: Iterable[str], *, roles: Iterable[str] = ROLES) -> None:
        """Create certificate, users and configuration.

        Args:
            directory: an empty one, for this broker alone.
            vehicles: users besides the roles, possibly with names that no vehicle should have.
            roles: users that the permissions name.
        """
        super().__init__(directory, "5")
        self.services_port = free_port()
        self.ca_file = make_authority(directory / ".broker")
        make_server_certificate(directory / ".broker")
        self.passwords = add_users(directory / ".broker" / "passwords", [*roles, *vehicles])
        (directory / "config").mkdir()
        shutil.copy(RIGHTS, directory / "config")
        text = CONFIGURATION.read_text(encoding="utf-8")
        for line, port in (("listener 8883", self.port), (f"listener 8884 {LOCALHOST}", self.services_port)):
            assert text.count(f"\n{line}\n") == 1, f"{CONFIGURATION.name}: expected one line {line!r}"
            text = text.replace(f"\n{line}\n", f"\nlistener {port} {LOCALHOST}\n")
        # Without this, a mosquitto started as root changes to a user that cannot read the directory.
        text += f"\nuser {getpass.getuser()}\n"
        (directory / "config" / CONFIGURATION.name).write_text(text, encoding="utf-8")

    def command(self) -> list[str]:
        return [program("mosquitto"), "-c", f"config/{CONFIGURATION.name}"]

    @property
    def ports(self) -> list[int]:
        return [self.port, self.services_port]

    def reload(self) -> None:
        """Make the broker read users, permissions and certificate again."""
        self._running().send_signal(signal.SIGHUP)

    def vehicle(self, user: str, **changes: Any) -> MqttSettings:
        """``[mqtt]`` of a user that connects to the port for vehicles."""
        tls = TlsSettings(enabled=True, ca_file=self.ca_file, certificate_file=None, key_file=None)
        who = {"username": user, "password": self.passwords.get(user, ""), "tls": tls}
        return self.settings(**who | changes)

    def service(self, user: str, **changes: Any) -> MqttSettings:
        """``[mqtt]`` of a user that connects to the other port."""
        return self.vehicle(user, **{"port": self.services_port} | changes)
