"""Compiles the numerical loops once, before worker processes and jobs would all do it at the same time.

On a fresh checkout that takes 20 s of a processor in each of them, longer than some tests wait for a job.
"""

from __future__ import annotations

import os
import subprocess
import sys

from config.settings import load
from dataflows.decode import Decoder
from dataflows.encode import Encoder
from dataflows.score.scorer import ShardScorer
from tests.support.paths import REPOSITORY
from tests.support.telemetry import batches, quick, telemetry


def compile_kernels() -> None:
    """Compile them in a process of its own, which leaves them in numba's cache, unless some are there."""
    if "NUMBA_CACHE_DIR" not in os.environ and any((REPOSITORY / "dataflows").rglob("*.nbi")):
        return
    subprocess.run([sys.executable, "-m", "tests.support.kernels"], cwd=REPOSITORY, check=True)


def main() -> None:
    """Score a few hundred events, some of them out of order."""
    settings = quick(load())
    payloads = telemetry(600)
    payloads[500:] = reversed(payloads[500:])
    decoder, scorer, encoder = Decoder.of(settings), ShardScorer(settings), Encoder(settings)
    for batch in batches(payloads, 100):
        encoder.encode(scorer.score(decoder.decode(batch).telemetry))


if __name__ == "__main__":
    main()
