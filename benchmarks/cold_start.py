"""How long a new job takes to its first scored event: ``python -m benchmarks.cold_start``.

mosquitto answers, and telemetry arrives ten times per second, before the job is started. ``--command`` starts
the job in another way, such as a container; FLEET__MQTT__PORT is in its environment. By default it is a
process on this machine, with the compiled loops that are in numba's cache. With ``--compiled`` it gets a copy
of these compiled loops, as in the image; with ``--cold`` there are none.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.brokers import mosquitto
from config.settings import DEFAULT_FILE

EVERY = 0.1
"""Seconds between two events."""

TIME_TO_START = 120.0
"""Seconds after which to give up."""

JOB = (sys.executable, "-m", "bytewax.run", "dataflows.fleet")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print seconds.

    Raises:
        SystemExit: status 1 if no event was scored in time.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cold_start", description=__doc__)
    parser.add_argument("--repetitions", type=int, default=5, metavar="N", help="(default: %(default)s)")
    parser.add_argument("--command", default=shlex.join(JOB), help="starts the job (default: %(default)s)")
    loops = parser.add_mutually_exclusive_group()
    loops.add_argument("--compiled", type=Path, metavar="DIR", help="compiled loops (default: those in use)")
    loops.add_argument("--cold", action="store_true", help="no compiled loops, as on a new machine")
    options = parser.parse_args(arguments)
    command = shlex.split(options.command)
    seconds = [first_event(command, options.compiled, cold=options.cold) for _ in range(options.repetitions)]
    each = ", ".join(f"{value:.1f}" for value in seconds)
    print(f"first scored event after {statistics.median(seconds):.1f} s (median of {each})")


def first_event(command: Sequence[str], compiled: Path | None = None, *, cold: bool = False) -> float:
    """Seconds from the start of a job to its first enriched event.

    Args:
        command: starts it.
        compiled: directory with compiled loops, of which the job gets a copy; ``None`` for those in use.
        cold: whether there are none instead.

    Raises:
        SystemExit: there was none in time.
    """
    # A process that still compiles may write to it.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as work, mosquitto() as port:
        environment = os.environ | {"FLEET__MQTT__PORT": str(port)}
        if compiled is not None:
            shutil.copytree(compiled, Path(work) / "compiled")
            environment |= {"NUMBA_CACHE_DIR": f"{work}/compiled", "NUMBA_CPU_NAME": "generic"}
        elif cold:
            environment |= {"NUMBA_CACHE_DIR": f"{work}/compiled"}
        with _telemetry(port) as scored:
            start = time.monotonic()
            job = subprocess.Popen(
                command, env=environment, cwd=DEFAULT_FILE.parents[1], stderr=subprocess.DEVNULL
            )
            try:
                while not scored.wait(0.001):
                    if job.poll() is not None:
                        raise SystemExit(f"`{shlex.join(command)}` ended with status {job.returncode}")
                    if time.monotonic() - start > TIME_TO_START:
                        raise SystemExit(f"expected a scored event within {TIME_TO_START:g} s, got none")
                return time.monotonic() - start
            finally:
                job.terminate()
                job.wait(TIME_TO_START)


@contextmanager
def _telemetry(port: int) -> Iterator[threading.Event]:
    """Publish events of a vehicle all the time; yields what is set at the first enriched one."""
    scored, ended = threading.Event(), threading.Event()
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.on_message = lambda *_: scored.set()
    client.on_connect = lambda client, *_: client.subscribe("fleet/enriched/+")
    client.connect("127.0.0.1", port)
    client.loop_start()

    def publish() -> None:
        while not ended.wait(EVERY):
            event = {"vehicle_id": "V-1", "ts": datetime.now(UTC).isoformat(), "speed": 50.0, "rpm": 2000.0}
            client.publish("fleet/telemetry/V-1", json.dumps(event), qos=1)

    thread = threading.Thread(target=publish, daemon=True)
    thread.start()
    try:
        yield scored
    finally:
        ended.set()
        thread.join()
        client.disconnect()
        client.loop_stop()


if __name__ == "__main__":
    main()
