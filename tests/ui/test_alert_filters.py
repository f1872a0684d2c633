"""Which alerts are listed, how that stands in the address, and how many there would be otherwise."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.events import ALERT_KINDS, SEVERITIES
from tests.support.enriched_events import START
from tests.support.shown_alerts import alert, cleared
from ui.alerts.filters import SINCE, STATES, Filters, choices, filters_in, matching

NOW = START.timestamp() + 600.0
MUTED = {"muted_until": START + timedelta(hours=2), "mute_reason": "in repair"}
ALERTS = [
    alert("VEH-1", 590, severity="critical"),
    alert("VEH-2", 10, severity="minor", kind="limit", subject="speed"),
    alert("VEH-12", 20, acknowledged_by="Kim"),
    alert("truck", 30, severity="warning", **MUTED),
    cleared("VEH-1", 40, kind="silent", subject="vehicle"),
    alert("", 50, kind="silent", subject="fleet"),
]


def names(filters: Filters) -> list[str]:
    return [each.vehicle_id for each in matching(ALERTS, filters, NOW)]


@pytest.mark.parametrize(
    ("filters", "vehicles"),
    [
        (Filters(), ["VEH-1", "VEH-2", "VEH-12", "truck", ""]),
        (Filters("unacknowledged"), ["VEH-1", "VEH-2", ""]),
        (Filters("muted"), ["truck"]),
        (Filters("cleared"), ["VEH-1"]),
        (Filters("all"), ["VEH-1", "VEH-2", "VEH-12", "truck", "VEH-1", ""]),
        (Filters(severity="major"), ["VEH-1", "VEH-12", ""]),
        (Filters(severity="critical"), ["VEH-1"]),
        (Filters(kinds=("limit", "silent")), ["VEH-2", ""]),
        (Filters(vehicle="veh-1"), ["VEH-1", "VEH-12"]),
        (Filters(vehicle="whole"), [""]),
        (Filters(subject="speed"), ["VEH-2"]),
        (Filters(since="15m"), ["VEH-1", "VEH-2", "VEH-12", "truck", ""]),
        (Filters("all", "major", ("silent",), "veh", "vehicle", "1h"), ["VEH-1"]),
    ],
)
def test_alerts_are_listed_that_pass_every_filter(filters: Filters, vehicles: list[str]) -> None:
    assert names(filters) == vehicles


def test_alerts_of_a_time_are_those_that_were_opened_in_it() -> None:
    late = START.timestamp() + 590.0 + 15 * 60.0
    assert [each.vehicle_id for each in matching(ALERTS, Filters(since="15m"), late)] == ["VEH-1"]


FILTERS = st.builds(
    Filters,
    state=st.sampled_from(STATES),
    severity=st.sampled_from(SEVERITIES),
    kinds=st.lists(st.sampled_from(ALERT_KINDS), unique=True).map(
        lambda kinds: tuple(kind for kind in ALERT_KINDS if kind in kinds)
    ),
    vehicle=st.text(max_size=20),
    subject=st.text(max_size=20),
    since=st.sampled_from(list(SINCE)),
)


def read_again(filters: Filters, **changes: str) -> Filters:
    """The filters of an address in which some are others."""
    query = filters.query() | changes
    return filters_in({name: [value] if isinstance(value, str) else value for name, value in query.items()})


@given(FILTERS)
def test_an_address_names_its_filters(filters: Filters) -> None:
    assert read_again(filters) == filters


def test_the_usual_filters_are_not_in_the_address() -> None:
    assert Filters().query() == {}
    assert filters_in({}) == Filters()


def test_what_an_address_has_that_cannot_be_read_is_as_usual() -> None:
    query = {"state": ["closed"], "severity": [""], "kind": ["limit", "x"], "since": ["3y"], "vehicle": []}
    assert filters_in(query) == Filters(kinds=("limit",))
    assert len(filters_in({"vehicle": ["x" * 10_000]}).vehicle) <= 200


@given(FILTERS, st.sampled_from(["", "veh", "1"]), st.sampled_from(["", "speed"]))
def test_each_choice_has_the_number_of_alerts_that_would_be_listed(
    filters: Filters, vehicle: str, subject: str
) -> None:
    filters = replace(filters, vehicle=vehicle, subject=subject)
    for name, offered in choices(ALERTS, filters, NOW).items():
        for choice in offered:
            chosen = read_again(filters, **{name: choice.value})
            assert choice.count == len(matching(ALERTS, chosen, NOW)), (name, choice)


def test_a_signal_that_was_chosen_can_be_seen_although_no_alert_is_about_it() -> None:
    offered = choices(ALERTS, Filters(subject="oil_pressure"), NOW)["subject"]
    assert ("oil_pressure", "oil pressure", 0) in [(each.value, each.label, each.count) for each in offered]
