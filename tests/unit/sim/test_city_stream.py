"""The stream of the city world is fixed: recordings, benchmarks and their figures are made from it."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from itertools import islice

import msgspec
import pytest

from sim.fleet import Fleet

START = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("rate", "steps", "faults_per_hour", "expected"),
    [
        (1.0, 400, 60.0, "f13c639f710906e3"),
        (5.0, 300, 0.0, "764c9dffccc7ea4e"),
        (0.2, 300, 20.0, "0158f397cd889260"),
    ],
)
def test_the_city_sends_the_same_bytes_as_ever(
    rate: float, steps: int, faults_per_hour: float, expected: str
) -> None:
    fleet = Fleet(
        vehicles=24,
        rate=rate,
        seed=7,
        faults_per_hour=faults_per_hour,
        latitude=48.1,
        longitude=11.5,
        start=START,
        warm_up=20.0,
    )
    digest = hashlib.sha256()
    for step in islice(fleet.steps(), steps):
        for fault in step.faults:
            digest.update(msgspec.json.encode(fault))
        for payload in step.payloads:
            digest.update(payload)
    assert digest.hexdigest()[:16] == expected
