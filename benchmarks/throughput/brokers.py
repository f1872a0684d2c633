"""Real brokers for `benchmarks.throughput`, each started for it on a port of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.throughput.process import REPOSITORY
from config.errors import BrokerError, SettingsError
from scripts import kafka
from scripts.ports import LOCALHOST, free_port
from tests.brokers import Mosquitto, mosquitto_is_installed


@contextmanager
def kafka_broker() -> Iterator[str]:
    """A Kafka of our own, or the one of ``KAFKA_BOOTSTRAP``; yields its address.

    Raises:
        BrokerError: it does not start.
    """
    known = os.environ.get("KAFKA_BOOTSTRAP")
    if known:
        yield known
        return
    port = free_port()
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "scripts.kafka", "--port", str(port)],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            stderr=log,
        )
        try:
            if process.stdout is None or not process.stdout.readline():
                log.seek(0)
                raise BrokerError(log.read().decode().strip())
            yield f"{LOCALHOST}:{port}"
        finally:
            process.terminate()
            process.wait()
            shutil.rmtree(kafka.WORK / str(port), ignore_errors=True)


@contextmanager
def mosquitto() -> Iterator[int]:
    """A mosquitto with ``config/mosquitto.conf``; yields its port.

    Raises:
        SettingsError: mosquitto is not installed.
    """
    if not mosquitto_is_installed():
        raise SettingsError("expected mosquitto on the PATH, found none: apt-get install mosquitto")
    with tempfile.TemporaryDirectory() as directory:
        broker = Mosquitto(Path(directory))
        broker.start()
        try:
            yield broker.port
        finally:
            # Nothing of it is kept, so it need not save what it holds.
            broker.kill()
