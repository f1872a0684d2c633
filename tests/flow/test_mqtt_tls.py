"""Encrypted connections: the certificate is verified, and what is wrong with it is said."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from config.broker_settings import TlsSettings
from config.errors import BrokerError, SettingsError
from dataflows.connectors.messages import OutgoingBatch
from dataflows.connectors.mqtt_sink import MqttSink
from scripts.ports import LOCALHOST
from tests.brokers import Mosquitto, StartMosquitto

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make certificates")


def tls(ca_file: Path | None) -> TlsSettings:
    return TlsSettings(enabled=True, ca_file=ca_file, certificate_file=None, key_file=None)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for the broker's address that is its own authority; its key is beside it."""
    file = tmp_path / "certificate.pem"
    names = ["-subj", "/CN=broker", "-addext", f"subjectAltName=IP:{LOCALHOST}"]
    files = ["-keyout", str(file.with_suffix(".key")), "-out", str(file)]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *names, *files]
    subprocess.run(command, check=True, capture_output=True)
    return file


@pytest.fixture
def encrypted(mosquitto: StartMosquitto, certificate: Path) -> Mosquitto:
    return mosquitto(lines=[f"certfile {certificate}", f"keyfile {certificate.with_suffix('.key')}"])


def test_messages_go_over_an_encrypted_connection(encrypted: Mosquitto, certificate: Path) -> None:
    settings = encrypted.settings(tls=tls(certificate))
    sink = MqttSink(settings, "test", role="sink").build("output", 0, 1)
    sink.write_batch([OutgoingBatch(keys=[""], payloads=[b"1"])])
    sink.close()


def test_a_certificate_of_an_unknown_authority_is_an_error_at_once(encrypted: Mosquitto) -> None:
    settings = encrypted.settings(tls=tls(None))
    with pytest.raises(BrokerError, match=r"does not verify: self-signed certificate; set .* ca_file"):
        MqttSink(settings, "test", role="sink").build("output", 0, 1)


def test_an_authority_file_that_is_not_there_is_an_error_that_names_it(encrypted: Mosquitto) -> None:
    settings = encrypted.settings(tls=tls(Path("nowhere.pem")))
    with pytest.raises(SettingsError, match=r"mqtt\.tls: .* ca_file = 'nowhere.pem'"):
        MqttSink(settings, "test", role="sink").build("output", 0, 1)
