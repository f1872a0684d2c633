"""Protected learning against a reference that takes one event at a time."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dataflows.detector.protection import COUNTED_RUN, LASTING_WEIGHT, Protection

ACCEPT_AFTER = 12
WEIGHT = 0.1


def protection() -> Protection:
    made = Protection(accept_after=ACCEPT_AFTER, weight=WEIGHT)
    made.grow(3)
    return made


@given(
    seed=st.integers(0, 10_000),
    share=st.sampled_from([0.0, 0.2, 0.95, 1.0]),
    cuts=st.lists(st.integers(1, 79), max_size=6, unique=True).map(sorted),
)
def test_weights_are_those_of_one_event_after_the_other(seed: int, share: float, cuts: list[int]) -> None:
    random = np.random.default_rng(seed)
    slots = random.integers(0, 3, 80)
    times = np.cumsum(random.integers(1, 3, 80)).astype(np.int64)
    anomalous = random.random(80) < share
    made, parts = protection(), []
    for part in np.split(np.arange(80), cuts):
        parts.append(made.weights(slots[part], times[part], anomalous[part]))
    for_model, for_threshold = (np.concatenate(column) for column in zip(*parts, strict=True))

    began: dict[int, int] = {}
    length: dict[int, int] = {}
    for row, slot in enumerate(slots.tolist()):
        if not anomalous[row]:
            began.pop(slot, None)
            length.pop(slot, None)
            expected = (1.0, 1.0)
        else:
            began.setdefault(slot, int(times[row]))
            length[slot] = length.get(slot, 0) + 1
            accepted = times[row] - began[slot] >= ACCEPT_AFTER
            counted = accepted or length[slot] <= COUNTED_RUN
            expected = (1.0 if accepted else WEIGHT, 1.0 if counted else LASTING_WEIGHT)
        assert (for_model[row], for_threshold[row]) == expected
