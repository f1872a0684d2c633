"""Gross faults while the detector learns: it flags them, and little else.

The part of `test_poisoning` that needs a few minutes of telemetry only.
"""

from __future__ import annotations

import pytest
from threadpoolctl import threadpool_limits

from benchmarks.poisoned_stream import MINUTE, follow, normal_fleet, sporadic
from config.settings import DEFAULT_FILE, load

FLEETS, VEHICLES = (2, 3), 8
BEGIN, STOP = 15 * MINUTE, 25 * MINUTE


@pytest.mark.slow
@pytest.mark.parametrize("fleet", FLEETS)
def test_gross_faults_in_a_twentieth_of_the_fleets_events_are_flagged_and_little_else_is(fleet: int) -> None:
    settings, everyone = load(DEFAULT_FILE), tuple(range(VEHICLES))
    clean = normal_fleet(settings, vehicles=VEHICLES, rows=STOP, seed=fleet)
    stream = sporadic(clean, 0.05, "gross", everyone, slice(BEGIN, STOP), seed=1)
    with threadpool_limits(limits=1):
        found = follow(settings, stream, clean, everyone, ())
    assert found.flagged[stream.poisoned].mean() > 0.8
    assert stream.poisoned[BEGIN:STOP][found.flagged[BEGIN:STOP]].mean() > 0.8
