"""Which alerts the page knows, in which order, and how many it keeps."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.events import SEVERITIES, Alert, Severity
from tests.support.enriched_events import START
from tests.support.shown_alerts import alert, cleared, message, place
from ui.live.alert_state import CONFIRM_WITHIN, SHARED_FOR, AlertState, urgency

NOW = START.timestamp()


class Clock:
    """A clock that moves only when the test moves it."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def state_of(clock: Clock, *shown: Alert, **arguments: int) -> AlertState:
    state = AlertState(clock, **arguments)
    for each in shown:
        state.record(place(each), message(each))
    return state


def ids(state: AlertState, clock: Clock) -> list[str]:
    clock.now += SHARED_FOR
    return [shown.alert_id for shown in state.snapshot().alerts]


revisions = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c"]), st.integers(1, 6)).map(
        lambda item: alert(item[0], revision=item[1], events=10 * item[1])
    ),
    max_size=15,
)


@given(revisions, st.randoms(use_true_random=False))
def test_the_highest_revision_of_each_alert_counts_in_whatever_order_they_come(
    shown: list[Alert], random: object
) -> None:
    shuffled = list(shown)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    highest: dict[str, int] = {}
    for each in shown:
        highest[each.alert_id] = max(each.revision, highest.get(each.alert_id, 0))
    for order in (shown, shuffled):
        known = state_of(Clock(), *order).snapshot().alerts
        assert {each.alert_id: each.revision for each in known} == highest
        assert all(each.events == 10 * each.revision for each in known)


@given(revisions)
def test_an_empty_message_takes_away_the_alert_of_its_place_and_no_other(shown: list[Alert]) -> None:
    state = state_of(Clock(), *shown)
    state.record("a/anomaly/engine_temperature", b"")
    left = {each.vehicle_id for each in state.snapshot().alerts}
    assert left == {each.vehicle_id for each in shown} - {"a"}


severities = st.sampled_from(SEVERITIES)


@given(st.lists(st.tuples(severities, st.booleans(), st.booleans(), st.booleans()), max_size=12))
def test_open_alerts_come_first_then_muted_ones_then_cleared_ones(
    drawn: list[tuple[Severity, bool, bool, bool]],
) -> None:
    shown = []
    for number, (severity, acknowledged, muted, over) in enumerate(drawn):
        changes = {
            "severity": severity,
            "acknowledged_by": "Kim" if acknowledged else "",
            "muted_until": START + timedelta(hours=1) if muted else None,
        }
        shown.append((cleared if over else alert)(f"VEH-{number}", number, **changes))
    order = state_of(Clock(), *shown).snapshot().alerts

    def rank(each: Alert) -> int:
        return 2 if each.state == "cleared" else 1 if each.muted_until else 0

    assert sorted(map(rank, order)) == [rank(each) for each in order]
    assert {each.alert_id for each in order} == {each.alert_id for each in shown}
    for above, below in itertools.pairwise(order):
        if rank(above) == rank(below) == 2:
            assert above.opened_at >= below.opened_at, "the last that cleared is the first"
        elif rank(above) == rank(below):
            assert not (above.acknowledged_by and not below.acknowledged_by)
            if above.acknowledged_by == below.acknowledged_by:
                worse = SEVERITIES.index(above.severity), above.opened_at
                assert worse >= (SEVERITIES.index(below.severity), below.opened_at)


def test_the_counts_leave_out_what_nobody_is_to_be_told_of(clock: Clock) -> None:
    soon, past = START + timedelta(minutes=1), START - timedelta(minutes=1)
    state = state_of(
        clock,
        alert("new"),
        alert("known", acknowledged_by="Kim"),
        alert("muted", muted_until=soon, severity="critical"),
        alert("no longer muted", muted_until=past),
        cleared("over"),
    )
    now = state.snapshot()
    assert (len(now.open), len(now.unacknowledged), len(now.muted)) == (4, 2, 1)
    assert set(now.worst) == {"new", "known", "no longer muted"}
    clock.now += 61.0
    assert len(state.snapshot().muted) == 0, "the mute has ended"


def test_the_worst_alert_of_a_vehicle_is_that_of_the_highest_severity(clock: Clock) -> None:
    state = state_of(
        clock,
        alert("VEH-1", subject="speed", severity="minor"),
        alert("VEH-1", subject="fuel", severity="critical", acknowledged_by="Kim"),
        alert("VEH-1", subject="rpm", severity="major"),
    )
    assert state.snapshot().worst["VEH-1"].subject == "fuel"


def test_cleared_alerts_are_dropped_first_and_the_drop_is_counted(clock: Clock) -> None:
    shown = [alert("VEH-1"), cleared("old", 10), cleared("new", 20), alert("VEH-2", severity="warning")]
    state = state_of(clock, *shown, max_alerts=3)
    assert ids(state, clock) == [shown[0].alert_id, shown[3].alert_id, shown[2].alert_id]
    assert state.snapshot().dropped == 1


def test_a_flood_of_alerts_leaves_the_most_urgent_ones(clock: Clock) -> None:
    shown = [alert(f"VEH-{number}", number, severity="warning") for number in range(500)]
    worst = alert("worst", severity="critical")
    state = state_of(clock, worst, *shown, max_alerts=100)
    known = state.snapshot()
    assert len(known.alerts) <= 100
    assert known.alerts[0].alert_id == worst.alert_id
    assert known.dropped + len(known.alerts) == 501


@pytest.mark.parametrize(
    "payload",
    [
        b"nonsense",
        b"{}",
        b"\xff",
        b"[" * 100_000,
        message(alert()).replace(b'"major"', b'"terrible"'),
        message(alert(opened_at=datetime(2026, 1, 1, 12))),  # noqa: DTZ001 (this is what is wrong with it)
        message(alert(onset_at=datetime(1, 1, 1, tzinfo=UTC))),
        message(alert(muted_until=datetime(9999, 12, 31, tzinfo=UTC))),
    ],
    ids=range(8),
)
def test_messages_that_are_not_alerts_are_counted_and_do_no_harm(clock: Clock, payload: bytes) -> None:
    state = state_of(clock, alert())
    state.record("x", payload)
    known = state.snapshot()
    assert (known.undecodable, len(known.alerts)) == (1, 1)


def test_what_the_broker_no_longer_has_after_a_reconnection_is_gone(clock: Clock) -> None:
    state = state_of(clock, alert("stays"), alert("gone"))
    state.expect_all()
    state.record(place(alert("stays")), message(alert("stays")))
    assert len(ids(state, clock)) == 2, "the broker may still be sending"
    clock.now += CONFIRM_WITHIN
    assert ids(state, clock) == [alert("stays").alert_id]


def test_a_connection_that_breaks_again_takes_no_alert_away(clock: Clock) -> None:
    state = state_of(clock, alert())
    state.expect_all()
    state.expect_nothing()
    clock.now += 2 * CONFIRM_WITHIN
    assert ids(state, clock) == [alert().alert_id]


def test_an_open_alert_is_over_when_a_later_one_has_taken_its_place(clock: Clock) -> None:
    earlier, later, over = alert(number=0), alert(number=100), cleared(number=-100)
    assert ids(state_of(clock, over, earlier, later), clock) == [later.alert_id, over.alert_id]
    assert ids(state_of(clock, later, earlier, over), clock) == [later.alert_id, over.alert_id]


def test_viewers_share_one_snapshot_until_an_alert_changes(clock: Clock) -> None:
    state = state_of(clock, alert())
    first, version = state.snapshot(), state.version
    assert state.snapshot() is first
    state.record("x", message(alert("VEH-2")))
    assert state.version > version
    assert len(state.snapshot().alerts) == 2


def test_a_mute_ends_although_no_message_says_so(clock: Clock) -> None:
    until = datetime.fromtimestamp(clock.now + 0.5, UTC)
    state = state_of(clock, alert(muted_until=until))
    assert state.snapshot().muted
    clock.now += SHARED_FOR
    assert not state.snapshot().muted


def test_a_cleared_alert_without_the_time_of_its_clearing_is_sorted_by_its_last_event() -> None:
    shown = cleared(cleared_at=None)
    assert urgency(shown, NOW)[3] == -shown.last_at.timestamp()


def test_the_end_of_a_mute_is_a_change_although_no_message_tells_of_it() -> None:
    clock = Clock()
    state = AlertState(clock=clock)
    end = datetime.fromtimestamp(clock.now + 10.0, UTC)
    shown = alert(muted_until=end, mute_reason="in repair")
    state.record(place(shown), message(shown))
    before = state.version
    clock.now += 9.0
    assert state.version == before
    assert state.snapshot().muted
    clock.now += 1.0
    after = state.version
    assert after > before
    assert not state.snapshot().muted
    clock.now += 100.0
    assert state.version == after, "the version rises only once"
