"""Certificates for brokers of the tests."""

from __future__ import annotations

import subprocess
from pathlib import Path

from config.broker_settings import TlsSettings
from scripts.brokers.ports import LOCALHOST


def tls(ca_file: Path | None) -> TlsSettings:
    """Encryption with this authority; ``None`` means those of the system."""
    return TlsSettings(enabled=True, ca_file=ca_file, certificate_file=None, key_file=None)


def make_certificate(file: Path) -> Path:
    """A certificate for the broker's address that is its own authority; its key is beside it."""
    names = ["-subj", "/CN=broker", "-addext", f"subjectAltName=IP:{LOCALHOST}"]
    files = ["-keyout", str(file.with_suffix(".key")), "-out", str(file)]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *names, *files]
    subprocess.run(command, check=True, capture_output=True)
    return file
