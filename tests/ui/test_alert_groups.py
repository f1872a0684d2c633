"""Which alerts are one row of the list."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from dataflows.events import Alert
from tests.support.enriched_events import START
from tests.support.shown_alerts import alert, cleared
from ui.alerts.alert_groups import FEWEST_VEHICLES, GROUP_WITHIN, Line, grouped, lines_of, vehicles_of
from ui.live.alert_state import urgency

NOW = START.timestamp() + 3_600.0
LONGEST = round(GROUP_WITHIN.total_seconds())
LATER = START + timedelta(days=1)

alerts_of_some_vehicles = st.lists(
    st.builds(
        lambda make, vehicle, number, kind, subject, muted: make(
            vehicle, number, kind=kind, subject=subject, muted_until=LATER if muted else None
        ),
        st.sampled_from([alert, alert, alert, cleared]),
        st.sampled_from("ABCDE"),
        st.integers(0, 3 * LONGEST),
        st.sampled_from(["anomaly", "anomaly", "limit"]),
        st.sampled_from(["speed", "speed", "fuel"]),
        st.sampled_from([False, False, False, True]),
    ),
    max_size=25,
    unique_by=lambda each: each.alert_id,
).map(lambda found: sorted(found, key=lambda each: urgency(each, NOW)))


def ids(rows: list[tuple[Alert, ...]]) -> list[list[str]]:
    return [[each.alert_id for each in row] for row in rows]


def test_a_kind_and_signal_on_several_vehicles_within_minutes_is_one_row() -> None:
    alike = [alert(f"VEH-{number}", 60 * number) for number in range(FEWEST_VEHICLES)]
    other = [alert("VEH-0", 1, subject="fuel"), alert("VEH-1", 1, kind="limit")]
    assert grouped([*alike, *other], NOW) == [tuple(alike), *((each,) for each in other)]


def test_two_vehicles_are_two_rows_and_one_vehicle_is_no_group_however_often_it_fails() -> None:
    apart = [alert("VEH-0"), *(alert("VEH-1", number) for number in range(FEWEST_VEHICLES))]
    assert grouped(apart, NOW) == [(each,) for each in apart]


def test_a_group_ends_some_minutes_after_its_first_alert() -> None:
    alike = [alert(f"VEH-{number}", LONGEST * number // 2) for number in range(6)]
    assert grouped(alike, NOW) == [tuple(alike[:3]), tuple(alike[3:])]
    late = alert("VEH-2", LONGEST + 1)
    assert len(grouped([*alike[:2], late], NOW)) == 3


def test_open_muted_and_cleared_alerts_are_groups_of_their_own() -> None:
    vehicles = [f"VEH-{number}" for number in range(3)]
    open_ones, muted = (
        [alert(each, muted_until=until, number=number) for each in vehicles]
        for number, until in ((0, None), (1, LATER))
    )
    over = [cleared(each, 2) for each in vehicles]
    rows = grouped([*open_ones, *muted, *over], NOW)
    assert rows == [tuple(open_ones), tuple(muted), tuple(over)]


@given(alerts_of_some_vehicles)
def test_every_alert_is_in_one_row_and_rows_are_in_the_order_of_their_most_urgent_alerts(
    alerts: list[Alert],
) -> None:
    rows = grouped(alerts, NOW)
    places = {each.alert_id: place for place, each in enumerate(alerts)}
    assert sorted(each for row in ids(rows) for each in row) == sorted(places)
    in_rows = [[places[each] for each in row] for row in ids(rows)]
    assert all(row == sorted(row) for row in in_rows)
    assert [row[0] for row in in_rows] == sorted(row[0] for row in in_rows)


@given(alerts_of_some_vehicles)
def test_a_group_is_alike_of_several_vehicles_and_short(alerts: list[Alert]) -> None:
    for row in grouped(alerts, NOW):
        opened = [each.opened_at for each in row]
        assert len({(urgency(each, NOW)[0], each.kind, each.subject) for each in row}) == 1
        assert max(opened) - min(opened) <= GROUP_WITHIN
        assert len(row) == 1 or len(vehicles_of(row)) >= FEWEST_VEHICLES


@given(alerts_of_some_vehicles, st.randoms())
def test_who_is_in_a_group_does_not_depend_on_the_order(alerts: list[Alert], random: object) -> None:
    mixed = list(alerts)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert set(map(frozenset, ids(grouped(mixed, NOW)))) == set(map(frozenset, ids(grouped(alerts, NOW))))


def test_an_opened_group_is_followed_by_its_alerts_and_stays_open_while_one_of_them_is_left() -> None:
    row = tuple(alert(f"VEH-{number}") for number in range(3))
    single = (alert("VEH-9", subject="fuel"),)
    closed = [Line(row), Line(single)]
    assert list(lines_of([row, single], frozenset())) == closed
    assert list(lines_of([row, single], {single[0].alert_id})) == closed
    members = [Line((each,), is_member=True) for each in row]
    assert list(lines_of([row, single], {row[2].alert_id, "gone"})) == [
        Line(row, is_opened=True),
        *members,
        Line(single),
    ]
