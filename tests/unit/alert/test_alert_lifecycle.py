"""When alerts open, become worse, clear and open again."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.alert.lifecycle import JOIN, Change, Conditions, Lifecycle
from dataflows.clock import NEVER, SECOND

OPENED, REOPENED, WORSENED, CLEARED = Change
Row = tuple[int, int, Change, float, int]


def lifecycle(channels: int = 1, *, together: int = 0, vehicles: int = 3) -> Lifecycle:
    made = Lifecycle(channels, together=together, clear_after=60.0, reopen_within=600.0)
    made.grow(vehicles)
    return made


def advance(
    alerts: Lifecycle, rows: list[tuple[int, float, list[float]]], *, onset: int | None = None
) -> list[Row]:
    """Advance by rows of vehicle, second and strengths; returns second, channel, change, peak, events."""
    slots = np.array([row[0] for row in rows], np.intp)
    times = np.array([int(row[1] * SECOND) for row in rows], np.int64)
    strengths = np.array([row[2] for row in rows])
    onsets = np.repeat(times[:, None], strengths.shape[1], axis=1)
    if onset is not None:
        onsets[:] = onset * SECOND
    found = alerts.advance(slots, times, [Conditions(strengths, onsets)])
    return [
        (
            int(times[row] // SECOND),
            int(channel),
            Change(int(change)),
            float(state["peak"]),
            int(state["events"]),
        )
        for row, channel, change, state in zip(*found, strict=True)
    ]


def changes(alerts: Lifecycle, *rows: tuple[float, float]) -> list[tuple[int, Change]]:
    """The same for one vehicle with one channel."""
    return [(row[0], row[2]) for row in advance(alerts, [(0, at, [strength]) for at, strength in rows])]


def test_an_alert_opens_at_a_strength_of_one_and_not_below() -> None:
    assert changes(lifecycle(), (0, 0.999)) == []
    assert changes(lifecycle(), (0, 1.0)) == [(0, OPENED)]


def test_it_clears_after_the_quiet_period_and_not_before() -> None:
    assert changes(lifecycle(), (0, 1.0), (60, 0.0)) == [(0, OPENED)]
    assert changes(lifecycle(), (0, 1.0), (61, 0.0)) == [(0, OPENED), (61, CLEARED)]


def test_a_condition_that_shows_again_in_time_keeps_it_open() -> None:
    rows = [(float(at), float(at % 50 == 0)) for at in range(0, 301, 10)]
    assert changes(lifecycle(), *rows) == [(0, OPENED)]


def test_what_comes_back_soon_is_the_same_alert() -> None:
    """With its first onset, its peak, and all its events."""
    alerts = lifecycle()
    changed = advance(alerts, [(0, at, [s]) for at, s in ((0, 5.0), (100, 0.0), (700, 1.0))])
    assert changed == [(0, 0, OPENED, 5.0, 1), (100, 0, CLEARED, 5.0, 1), (700, 0, REOPENED, 5.0, 2)]
    assert alerts.channels[0, 0]["onset"] == 0


def test_what_comes_back_later_is_a_new_alert() -> None:
    alerts = lifecycle()
    changed = advance(alerts, [(0, at, [s]) for at, s in ((0, 5.0), (100, 0.0), (701, 1.5))])
    assert changed[-1] == (701, 0, OPENED, 1.5, 1)
    assert alerts.channels[0, 0]["onset"] == 701 * SECOND


def test_the_onset_is_never_after_the_opening() -> None:
    alerts = lifecycle()
    advance(alerts, [(0, 10, [1.0])], onset=20)
    assert alerts.channels[0, 0]["onset"] == 10 * SECOND
    alerts = lifecycle()
    advance(alerts, [(0, 10, [1.0])], onset=4)
    assert alerts.channels[0, 0]["onset"] == 4 * SECOND


@pytest.mark.parametrize(("strength", "level"), [(1.0, 0), (1.99, 0), (2.0, 1), (4.0, 2), (9.0, 3), (1e9, 3)])
def test_the_strength_decides_the_severity(strength: float, level: int) -> None:
    alerts = lifecycle()
    advance(alerts, [(0, 0, [strength])])
    assert alerts.channels[0, 0]["level"] == level


def test_it_becomes_worse_once_per_severity_and_never_better() -> None:
    rows = [(0.0, 1.0), (1.0, 1.5), (2.0, 4.0), (3.0, 4.5), (4.0, 1.0), (5.0, 9.0)]
    assert changes(lifecycle(), *rows) == [(0, OPENED), (2, WORSENED), (5, WORSENED)]


def test_signs_of_one_fault_are_one_alert_of_the_strongest() -> None:
    alerts = lifecycle(3, together=3)
    assert [row[1:3] for row in advance(alerts, [(0, 0, [1.0, 3.0, 2.0])])] == [(1, OPENED)]


def test_another_sign_soon_after_counts_as_the_alert_that_is_open() -> None:
    alerts = lifecycle(2, together=2)
    joined = JOIN // SECOND
    changed = advance(alerts, [(0, 0, [1.0, 0.0]), (0, joined, [0.0, 5.0])])
    assert changed == [(0, 0, OPENED, 1.0, 1), (joined, 0, WORSENED, 5.0, 2)]


def test_another_sign_much_later_is_an_alert_of_its_own() -> None:
    alerts = lifecycle(2, together=2)
    later = JOIN // SECOND + 1
    changed = advance(alerts, [(0, 0, [1.0, 0.0]), (0, later, [0.0, 5.0])])
    assert [row[1:3] for row in changed] == [(0, OPENED), (1, OPENED)]


@pytest.mark.parametrize(("strength", "changed"), [(3.0, []), (3.5, [(1, OPENED)])])
def test_while_an_alert_lasts_only_a_stronger_sign_is_an_alert_of_its_own(
    strength: float, changed: list[tuple[int, Change]]
) -> None:
    alerts = lifecycle(2, together=2)
    advance(alerts, [(0, at, [3.0, 0.0]) for at in range(20)])
    assert [row[1:3] for row in advance(alerts, [(0, 20, [3.0, strength])])] == changed


def test_an_alert_whose_condition_shows_stays_open_beside_a_stronger_one() -> None:
    alerts = lifecycle(2, together=2)
    rows: list[tuple[int, float, list[float]]] = [(0, 0, [1.0, 0.0]), (0, 20, [0.0, 5.0])]
    rows += [(0, at, [1.0, 5.0]) for at in range(30, 200, 10)]
    rows += [(0, 210, [0.0, 0.0])]
    assert [row[2] for row in advance(alerts, rows)] == [OPENED, OPENED]


def test_conditions_that_are_not_together_are_alerts_of_their_own() -> None:
    alerts = lifecycle(3, together=1)
    changed = advance(alerts, [(0, 0, [1.0, 1.0, 1.0])])
    assert [row[1:3] for row in changed] == [(0, OPENED), (1, OPENED), (2, OPENED)]


def test_vehicles_do_not_share_alerts() -> None:
    alerts = lifecycle()
    rows = [(0, 0.0, [1.0]), (1, 1.0, [1.0]), (1, 70.0, [0.0]), (0, 70.0, [1.0]), (2, 71.0, [0.0])]
    assert [(row[0], row[2]) for row in advance(alerts, rows)] == [(0, OPENED), (1, OPENED), (70, CLEARED)]


def test_a_vehicle_that_is_forgotten_has_no_alerts() -> None:
    alerts = lifecycle()
    changes(alerts, (0, 1.0))
    alerts.forget(np.array([0]))
    assert alerts.open[0] == 0
    assert alerts.channels[0, 0]["cleared"] == NEVER
    assert changes(alerts, (1, 1.0)) == [(1, OPENED)]


def test_channels_that_another_catalogue_has_are_kept() -> None:
    before = lifecycle(3)
    advance(before, [(0, 0, [0.0, 1.0, 1.0]), (1, 0, [1.0, 0.0, 0.0])])
    after = lifecycle(2)
    after.adopt(before.snapshot(3), [1, None])
    assert after.open.tolist()[:3] == [1, 0, 0]
    assert advance(after, [(0, 100, [0.0, 0.0])])[0][1:3] == (0, CLEARED)


rows_of = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from([0.5, 3.0, 30.0, 100.0, 700.0]),
        st.lists(st.sampled_from([0.0, 0.0, 0.9, 1.0, 3.0, 5.0, 20.0]), min_size=3, max_size=3),
    ),
    min_size=1,
    max_size=60,
)


@given(rows_of, st.lists(st.integers(0, 60), max_size=8).map(sorted))
def test_alerts_do_not_depend_on_how_rows_are_batched(
    steps: list[tuple[int, float, list[float]]], cuts: list[int]
) -> None:
    times = np.cumsum([step[1] for step in steps])
    rows = [(vehicle, float(at), given) for (vehicle, _, given), at in zip(steps, times, strict=True)]
    whole = advance(lifecycle(3, together=2), rows)
    alerts, start = lifecycle(3, together=2), 0
    parted: list[Row] = []
    for stop in [*cuts, len(rows)]:
        parted += advance(alerts, rows[start:stop]) if rows[start:stop] else []
        start = max(start, stop)
        state = pickle.loads(pickle.dumps(alerts.snapshot(3)))  # noqa: S301
        alerts = lifecycle(3, together=2)
        alerts.restore(state)
    assert parted == whole


@given(rows_of)
def test_openings_and_clearings_take_turns(steps: list[tuple[int, float, list[float]]]) -> None:
    times = np.cumsum([step[1] for step in steps])
    alerts = lifecycle(3, together=2)
    is_open: dict[tuple[int, int], bool] = {}
    for (vehicle, _, strengths), at in zip(steps, times, strict=True):
        for _, channel, change, _, _ in advance(alerts, [(vehicle, float(at), strengths)]):
            before = is_open.get((vehicle, channel), False)
            assert before == (change in (WORSENED, CLEARED))
            is_open[vehicle, channel] = change is not CLEARED
    for vehicle in range(3):
        assert alerts.open[vehicle] == sum(is_open.get((vehicle, channel), False) for channel in range(3))
