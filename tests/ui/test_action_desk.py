"""What was sent about alerts, and until when the page remembers it."""

from __future__ import annotations

from collections.abc import Sequence

from dataflows.events import Alert, AlertAction
from tests.support.shown_alerts import alert
from ui.actions.action_desk import MAX_SENT, ActionDesk, ActionPublisher, Request, SentAction


class Staged(ActionPublisher):
    """Answers as the test says: vehicle id → reason."""

    def __init__(self, **reasons: str) -> None:
        self.reasons = reasons

    def publish(self, actions: Sequence[tuple[str, AlertAction]]) -> list[str]:
        return [self.reasons.get(vehicle_id, "") for vehicle_id, _ in actions]


def acknowledged(*alerts: Alert) -> list[Request]:
    def request(each: Alert) -> Request:
        action = AlertAction(action="acknowledge", by="Kim", alert_id=each.alert_id)
        return Request(action, each.vehicle_id, (each,))

    return [request(each) for each in alerts]


def test_an_action_is_remembered_until_the_next_revision_of_its_alert() -> None:
    desk = ActionDesk(Staged(), clock=lambda: 7.0)
    first = alert(revision=4)
    assert desk.send(acknowledged(first)) == ""
    assert desk.sent(first) == SentAction("acknowledge", 4, 7.0)
    assert desk.sent(alert("VEH-2")) is None
    assert desk.sent(alert(revision=5)) is None
    assert desk.sent(first) is None


def test_what_was_not_confirmed_is_reported_and_not_remembered() -> None:
    desk = ActionDesk(Staged(b="Not authorized", c="Not authorized", d="no answer"))
    alerts = [alert(name) for name in "abcd"]
    trouble = desk.send(acknowledged(*alerts))
    assert trouble == "2 of 4: Not authorized; 1 of 4: no answer"
    assert [desk.sent(each) is not None for each in alerts] == [True, False, False, False]
    assert desk.send(acknowledged(alerts[1])) == "Not authorized"


def test_a_limited_number_of_actions_is_remembered() -> None:
    desk = ActionDesk(Staged())
    alerts = [alert("VEH-1", number) for number in range(MAX_SENT + 1)]
    desk.send(acknowledged(*alerts))
    assert desk.sent(alerts[0]) is None
    assert desk.sent(alerts[-1]) is not None


def test_an_action_about_a_vehicle_is_remembered_with_each_alert_that_it_changes() -> None:
    desk = ActionDesk(Staged(), clock=lambda: 7.0)
    first, second, other = alert(number=1), alert(number=2), alert("VEH-2")
    mute = AlertAction(action="mute", by="Kim", vehicle_id="VEH-1", text="towed", until=first.opened_at)
    assert desk.send([Request(mute, "VEH-1", (first, second))]) == ""
    assert desk.sent(first) == desk.sent(second) == SentAction("mute", 1, 7.0)
    assert desk.sent(other) is None
