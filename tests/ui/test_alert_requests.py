"""What is sent to the job for what a viewer wants done about alerts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from dataflows.alert.actions import read_actions
from dataflows.events import ActionName, Alert, AlertAction
from dataflows.messages import MessageBatch
from tests.support.enriched_events import START
from tests.support.shown_alerts import alert, cleared, message
from ui.alerts.requests import SCOPES, Scope, Wish, applicable, describe_scope, requests_for, scopes_for

FIRST = alert("VEH-1", 1)
SECOND = alert("VEH-1", 2, kind="limit", subject="speed")
OTHER = alert("VEH-2", 3)
FLEET = alert("", 4, kind="silent", subject="fleet")
KNOWN = [FIRST, SECOND, OTHER, FLEET]
MUTE = Wish("mute", "Kim", "in repair", START + timedelta(hours=1))


def about(action: AlertAction) -> tuple[str, str, str | None]:
    return action.alert_id, action.vehicle_id, action.kind


@pytest.mark.parametrize(
    ("scope", "sent"),
    [
        ("alerts", [(FIRST.alert_id, "", None), (OTHER.alert_id, "", None)]),
        ("vehicles", [("", "VEH-1", None), ("", "VEH-2", None)]),
        ("vehicle_kinds", [("", "VEH-1", "anomaly"), ("", "VEH-2", "anomaly")]),
        ("kinds", [("", "", "anomaly")]),
    ],
)
def test_a_mute_is_of_alerts_vehicles_or_kinds(scope: Scope, sent: list[tuple[str, str, str | None]]) -> None:
    requests = requests_for([FIRST, OTHER], KNOWN, replace(MUTE, scope=scope))
    assert [about(request.action) for request in requests] == sent
    assert {request.action.text for request in requests} == {"in repair"}
    assert {request.action.until for request in requests} == {START + timedelta(hours=1)}


@pytest.mark.parametrize(
    ("scope", "changed"),
    [
        ("alerts", [FIRST]),
        ("vehicles", [FIRST, SECOND]),
        ("vehicle_kinds", [FIRST]),
        ("kinds", [FIRST, OTHER]),
    ],
)
def test_a_request_knows_the_alerts_that_it_will_change(scope: Scope, changed: list[Alert]) -> None:
    (request,) = requests_for([FIRST], KNOWN, replace(MUTE, scope=scope))
    assert list(request.alerts) == changed


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("name", ["acknowledge", "comment", "mute", "unmute", "useful", "noise"])
def test_the_job_understands_every_request(name: ActionName, scope: Scope) -> None:
    chosen = [FIRST, SECOND, OTHER]
    wish = replace(MUTE, action=name, scope=scope if name in ("mute", "unmute") else "alerts")
    payloads = [message(request.action) for request in requests_for(chosen, KNOWN, wish)]  # type: ignore[arg-type]
    read = read_actions(MessageBatch(payloads, ["t"] * len(payloads), [0] * len(payloads), "mqtt"))
    assert len(read.actions) == len(payloads) > 0
    assert read.dead_letters == []


def test_long_texts_are_cut_to_what_the_job_accepts() -> None:
    (request,) = requests_for([FIRST], KNOWN, replace(MUTE, by="K" * 300, text="x" * 3000))
    assert (len(request.action.by), len(request.action.text)) == (100, 500)


def test_an_alert_about_the_whole_fleet_has_no_vehicle_to_mute() -> None:
    assert scopes_for([FLEET]) == ["alerts", "kinds"]
    assert scopes_for([FLEET, FIRST]) == list(SCOPES)
    requests = requests_for([FLEET, FIRST], KNOWN, replace(MUTE, scope="vehicles"))
    assert [request.vehicle_id for request in requests] == ["VEH-1"]


@pytest.mark.parametrize(
    ("chosen", "scope", "words"),
    [
        ([FIRST], "alerts", "VEH-1: engine temperature"),
        ([FIRST, OTHER], "alerts", "These 2 alerts"),
        ([FIRST, SECOND], "vehicles", "All alerts of VEH-1"),
        ([FIRST, OTHER], "vehicles", "All alerts of these 2 vehicles"),
        ([FIRST, SECOND], "vehicle_kinds", "All anomaly and limit alerts of VEH-1"),
        ([FIRST, OTHER], "kinds", "All anomaly alerts of the whole fleet"),
    ],
)
def test_what_a_mute_is_of_is_said_in_words(chosen: list[Alert], scope: Scope, words: str) -> None:
    assert describe_scope(scope, chosen) == words


def test_an_action_is_about_the_alerts_for_which_it_changes_something() -> None:
    acknowledged, over = alert(acknowledged_by="Robin"), cleared()
    muted = alert("VEH-3", muted_until=START + timedelta(hours=1))
    alerts = [FIRST, acknowledged, muted, over]
    now = START.timestamp()
    assert applicable("acknowledge", alerts, now) == [FIRST, muted]
    assert applicable("unmute", alerts, now) == [muted]
    assert applicable("noise", alerts, now) == alerts
