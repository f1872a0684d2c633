"""No score moves unless a change means to move it: enriched events have the digests that they had before.

Whoever changes the detector on purpose puts the new digests here (the failing test prints them) and
says in the commit what was measured.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import spring_fleet
from tests.support.digest import is_portable, portable_digest
from tests.support.paths import PUBLIC_DATA, REPOSITORY

TRIP = PUBLIC_DATA / "obd" / "carobd-drive1.csv.gz"
pytestmark = pytest.mark.skipif(not is_portable(), reason="the digests are those of Linux on x86-64")
DIGESTS = {
    "minutes": "c698c8d0a3aed507957ae4fc840d2907cb77461ce50e2d99e061b5563850aeaf",
    "spring": "922f53670ca65fc8017708c83cc81416e3a5cc549a65502966be938914fd3bcf",
    "trip": "57c203794523b331a76e774691c11d1c2b546e185d042755115f58ff1f8e90d8",
}


@pytest.mark.long
def test_twenty_simulated_minutes_are_scored_as_before(tmp_path: Path) -> None:
    recording = tmp_path / "minutes.jsonl"
    minutes = ["--seed", "7", "--start", "2026-01-01T00:00:00Z", "--duration", "1200", "--vehicles", "20"]
    subprocess.run(
        [sys.executable, "-m", "sim", *minutes, "--output", str(recording)], cwd=REPOSITORY, check=True
    )

    assert portable_digest(recording) == DIGESTS["minutes"]


def test_the_sample_of_the_spring_fleet_is_scored_as_before() -> None:
    assert portable_digest(spring_fleet.SAMPLE, spring_fleet.CONFIGURATION) == DIGESTS["spring"]


@pytest.mark.long
@pytest.mark.skipif(not TRIP.exists(), reason="needs the public data in ../shared/data")
def test_a_recorded_trip_is_scored_as_before() -> None:
    assert portable_digest(TRIP) == DIGESTS["trip"]
