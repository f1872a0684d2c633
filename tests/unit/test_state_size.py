"""The estimated size of state is near that of its pickle."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from dataflows.metrics import STATE_BYTES
from dataflows.state_size import StateSize, size_of

ALERT = {"alert_id": "VEH-1/limit/speed/e", "revision": 3, "peak": 61.5, "signals": [], "summary": "x" * 60}
STATES: dict[str, Any] = {
    "arrays": {"values": np.zeros((1000, 8)), "seen": np.zeros(1000, np.int32)},
    "names": [f"VEH-{number:05d}" for number in range(20_000)],
    "alerts": [dict(ALERT, alert_id=f"VEH-{n}", summary=f"{n:060}") for n in range(3_000)],
    "by name": {f"VEH-{number}": (number, float(number)) for number in range(5_000)},
    "shard": ("shard", 1, {"window": [np.zeros(40), b"\x00" * 500], "drifts": list(range(100))}),
}


@pytest.mark.parametrize("state", STATES.values(), ids=STATES)
def test_an_estimate_is_near_the_pickle(state: Any) -> None:
    assert 0.5 < size_of(state) / len(pickle.dumps(state)) < 2.5


def test_shards_of_a_process_add_up_and_a_new_snapshot_replaces_the_one_before() -> None:
    def reported() -> float:
        return float(STATE_BYTES.labels("some-step")._value.get())

    one, other = StateSize("some-step"), StateSize("some-step")
    large, small = ("shard", 1, b"\x00" * 10_000), ("shard", 1, b"\x00" * 100)
    assert one.of(large) is large
    assert other.of(large) is large
    assert reported() == 2 * size_of(large)
    one.of(small)
    assert reported() == size_of(large) + size_of(small)
