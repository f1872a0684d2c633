"""Compiles the numerical loops once, before worker processes and jobs would all do it at the same time.

On a fresh checkout that takes 40 s of a processor in each of them, longer than some tests wait for a job.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from bytewax.testing import TestingSource, run_main

from config.settings import DEFAULT_FILE, SinkSettings, load
from dataflows.fleet import build
from tests.support.digest import PORTABLE
from tests.support.paths import REPOSITORY
from tests.support.telemetry import batches, quick, telemetry


def compile_kernels() -> None:
    """Compile them in a process of its own, which leaves them in numba's cache, unless some are there."""
    cache = Path(os.environ.get("NUMBA_CACHE_DIR", REPOSITORY / "dataflows"))
    if any(cache.rglob("*.nbi")):
        return
    subprocess.run([sys.executable, "-m", "tests.support.kernels"], cwd=REPOSITORY, check=True)


def main() -> None:
    """Compile them in this process; with ``--portable`` for `tests.support.digest` as well."""
    run_job()
    if sys.argv[1:] == ["--portable"]:
        command = [sys.executable, "-m", "tests.support.kernels"]
        subprocess.run(command, cwd=REPOSITORY, env=os.environ | PORTABLE, check=True)


def run_job() -> None:
    """Run the whole job over a few hundred events, some of them out of order."""
    base = load(DEFAULT_FILE)
    payloads = telemetry(600)
    payloads[500:] = reversed(payloads[500:])
    with tempfile.TemporaryDirectory() as results:
        recording = base.recording.model_copy(update={"results": Path(results)})
        settings = quick(base, sink=SinkSettings(kind="recording"), recording=recording)
        run_main(build(settings, TestingSource(batches(payloads, 100))))


if __name__ == "__main__":
    main()
