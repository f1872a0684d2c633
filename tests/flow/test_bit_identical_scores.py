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
    "minutes": "97748e09167bbfd32c7c95c0d648b0c473d0e0e05d1be3b50b684c0fc4748b8f",
    "spring": "0c6f48c89acf123b2149ab5505dbf9e5cb6dc3e542fa75f518a4d1094ee82750",
    "trip": "76eeb9e3f4295a170b3fd496291b1bc3220643ce9779c4fb2bb840fd155444fd",
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
