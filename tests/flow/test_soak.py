"""A soak run of a few seconds: it works, and no event is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.soak import soak

SECONDS = 12.0
VEHICLES = 20


@pytest.mark.slow
def test_a_short_soak_run_loses_nothing_and_samples_the_job_throughout(tmp_path: Path) -> None:
    samples = soak(tmp_path, SECONDS, VEHICLES)
    last = samples[-1]
    assert last.published == last.emitted > SECONDS * VEHICLES / 2
    assert all(sample.memory > 0 for sample in samples)
    assert max(sample.store for sample in samples) > 0
