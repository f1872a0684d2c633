"""Real brokers for the benchmarks of speed, each started for one on a port of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config.errors import BrokerError, SettingsError
from scripts.brokers import kafka
from scripts.brokers.mosquitto import Mosquitto, mosquitto_is_installed
from scripts.brokers.ports import LOCALHOST, free_port


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
            [sys.executable, "-m", "scripts.brokers.kafka", "--port", str(port)],
            cwd=kafka.ROOT,
            stdout=subprocess.PIPE,
            stderr=log,
        )
        try:
            if process.stdout is None or not process.stdout.readline():
                log.seek(0)
                said = log.read().decode(errors="replace").strip() or "nothing"
                raise BrokerError(f"expected Kafka to start, it did not; it said: {said.splitlines()[-1]}")
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
        BrokerError: it does not start.
    """
    if not mosquitto_is_installed():
        raise SettingsError("expected mosquitto on the PATH, found none: apt-get install mosquitto")
    with tempfile.TemporaryDirectory() as directory:
        broker = Mosquitto(Path(directory))
        try:
            broker.start()
        except AssertionError as error:
            broker.kill()
            raise BrokerError(
                f"expected mosquitto to start, it did not: {' '.join(str(error).split())}"
            ) from None
        try:
            yield broker.port
        finally:
            # Nothing of it is kept, so it need not save what it holds.
            broker.kill()
