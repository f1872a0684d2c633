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
    "minutes": "50b75e61bba3b86bf2bf628b92cc4d8f57a284d9edd7c54db24053bb72b6b91f",
    "spring": "239f312ffc6afd3aca661456fb935f8be607175416b509424fb5f9cbd40fe62e",
    "trip": "ed25f5520405ca6aa5ae9da6a12e1cbb9a56afd29d41271fb5a8a44131f75385",
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
