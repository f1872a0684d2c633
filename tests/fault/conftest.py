"""Fixtures of the fault tests."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from scripts.fault_measurement import Measure, Measurement, record


@pytest.fixture
def measure(record_property: Callable[[str, object], None]) -> Measure:
    """Records what a fault cost: in the test's properties, and for the table of ``make faults``."""

    def measured(measurement: Measurement) -> None:
        record_property("measurement", str(measurement))
        record(measurement)

    return measured
