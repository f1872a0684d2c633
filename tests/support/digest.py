"""A recording's enriched events as one number, so that a change that must not move a score can show it.

The last digits of a score depend on the instructions that BLAS, numpy and numba choose for the processor.
`portable_digest` computes in a process that is held to instructions every x86-64 processor has.

To print digests: ``python -m tests.support.digest SETTINGS.toml FILE …``
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import msgspec
from threadpoolctl import threadpool_limits

from config.settings import DEFAULT_FILE, Settings, load
from dataflows.backtest.catalogue import with_catalogue
from dataflows.decode import Decoder
from dataflows.encode import Encoder
from dataflows.recordings import open_recording
from dataflows.score.scorer import ShardScorer
from dataflows.score.shard import split
from tests.support.paths import REPOSITORY

VOLATILE = ("processed_at", "values")
"""When an event was scored, and what repeats its telemetry: neither is a score."""


PORTABLE = {
    "OPENBLAS_CORETYPE": "Nehalem",
    "NUMBA_CPU_NAME": "nehalem",
    "NPY_DISABLE_CPU_FEATURES": (
        "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR AVX2 FMA3"
    ),
}
"""What holds OpenBLAS, numba and numpy to the instructions of an old processor."""


def is_portable() -> bool:
    """Whether `PORTABLE` means anything on this machine."""
    return sys.platform == "linux" and platform.machine() == "x86_64"


def portable_digest(recording: Path, configuration: Path = DEFAULT_FILE) -> str:
    """`digest_of_enriched_events` on any x86-64 processor.

    Args:
        recording: as there.
        configuration: the settings' file.
    """
    program = [sys.executable, "-W", "ignore", "-m", "tests.support.digest"]
    printed = subprocess.run(
        [*program, str(configuration), str(recording)],
        env=os.environ | PORTABLE,
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return printed.split()[0]


def digest_of_enriched_events(recording: Path, settings: Settings) -> str:
    """SHA-256 over all enriched events of a recording, in order, in hexadecimal.

    Args:
        recording: a table is scored on all of its numeric columns, JSON lines on the configured signals.
        settings: all settings.
    """
    played = open_recording(recording)
    settings = with_catalogue(settings, played, "" if played.columns is None else "all", None)
    decoder, encoder = Decoder(settings.payload, settings.signals), Encoder(settings)
    scorers: dict[str, ShardScorer] = {}
    content = sha256()
    with threadpool_limits(limits=1, user_api="blas"):
        for batch in played.read():
            for shard, part in split(decoder.decode(batch), settings.detector.shards):
                if shard not in scorers:
                    scorers[shard] = ShardScorer(settings)
                for payload in encoder.encode(scorers[shard].score(part)).payloads:
                    event = msgspec.json.decode(payload)
                    for name in VOLATILE:
                        event.pop(name, None)
                    content.update(msgspec.json.encode(event))
    return content.hexdigest()


if __name__ == "__main__":
    configuration, *recordings = map(Path, sys.argv[1:])
    for recording in recordings:
        print(digest_of_enriched_events(recording, load(configuration)), recording.name)
