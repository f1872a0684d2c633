"""Fixtures of the fault tests."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from scripts.fault_measurement import Measure, Measurement, record


@pytest.fixture
def measure(record_property: Callable[[str, object], None]) -> Measure:
    """Records what a fault cost: as a property of the test, and for the table of ``make faults``."""

    def measured(measurement: Measurement) -> None:
        # As builtin types, which a worker process can pass on.
        record_property("measurement", msgspec.to_builtins(measurement))
        record(measurement)

    return measured
