"""The alert that nobody in the fleet sends anything, by the clock of the job."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime, timedelta

from config.settings import load
from dataflows.alert.book import GONE
from dataflows.alert.fleet_silence import KEY, FleetSilence
from dataflows.events import Alert, AlertAction
from dataflows.stored_state import Stored, unpickle
from tests.support.alert_streams import read

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
TOPIC = "/silent/fleet"


class Watch:
    """A `FleetSilence` and the clock that it reads."""

    def __init__(self, snapshot: Stored | None = None, *, second: float = 0.0) -> None:
        settings = load()
        alerts = settings.alerts.model_copy(
            update={"no_data_after": 120.0, "reopen_within": 600.0, "keep_cleared": 3600.0}
        )
        self.second = second
        self.silence = FleetSilence(
            settings.model_copy(update={"alerts": alerts}),
            snapshot,
            lambda: START + timedelta(seconds=self.second),
        )

    def check(self, second: float) -> list[Alert]:
        self.second = second
        return read(self.silence.check())

    def hear(self, second: float, *signs: int | list[AlertAction]) -> list[Alert]:
        self.second = second
        return read(self.silence.hear(signs or (1,)))


def test_nothing_for_a_while_is_one_critical_alert() -> None:
    watch = Watch()
    watch.hear(10)
    assert watch.check(129) == []
    [alert] = watch.check(130)
    assert (alert.vehicle_id, alert.kind, alert.subject, alert.severity) == (
        "",
        "silent",
        "fleet",
        "critical",
    )
    assert (alert.onset_at, alert.opened_at) == (
        START + timedelta(seconds=10),
        START + timedelta(seconds=130),
    )
    assert alert.summary == "Nobody in the fleet sends data since 12:00:10 UTC"
    assert watch.check(1000) == []


def test_a_job_that_has_never_heard_anything_says_so_too() -> None:
    assert [alert.state for alert in Watch().check(121)] == ["open"]


def test_it_is_due_as_long_after_the_last_event_as_was_set() -> None:
    watch = Watch()
    assert watch.silence.due == START + timedelta(seconds=120)
    watch.hear(50)
    assert watch.silence.due == START + timedelta(seconds=170)
    watch.check(170)
    assert watch.silence.due is None


def test_the_next_event_clears_it() -> None:
    watch = Watch()
    [opened] = watch.check(120)
    assert watch.hear(200, 0) == []
    [cleared] = watch.hear(300)
    assert (cleared.alert_id, cleared.state) == (opened.alert_id, "cleared")
    assert cleared.cleared_at == START + timedelta(seconds=300)
    assert watch.hear(301) == []


def test_what_comes_back_soon_is_the_same_alert_and_what_comes_later_is_not() -> None:
    watch = Watch()
    [first] = watch.check(120)
    watch.hear(200)
    [again] = watch.check(400)
    assert (again.alert_id, again.openings, again.state) == (first.alert_id, 2, "open")
    watch.hear(500)
    for second in range(600, 2000, 100):
        watch.hear(second)
    [other] = watch.check(2500)
    assert (other.alert_id == first.alert_id, other.openings) == (False, 1)


def test_what_people_do_is_no_sign_of_data() -> None:
    watch = Watch()
    mute = AlertAction(action="mute", by="ada", kind="silent", text="works", until=START + timedelta(days=1))
    assert watch.hear(100, [mute]) == []
    [alert] = watch.check(120)
    assert alert.mute_reason == "works"
    [judged] = watch.hear(130, [AlertAction(action="noise", by="ada", alert_id=alert.alert_id)])
    assert (judged.useful, judged.state) == (False, "open")


def test_a_cleared_alert_leaves_its_topic() -> None:
    watch = Watch()
    watch.check(120)
    watch.hear(200)
    watch.second = 3801
    messages = watch.silence.hear([1])
    assert messages is not None
    assert (messages.keys, messages.payloads) == ([TOPIC], [GONE])


def test_after_a_restart_the_same_alert_is_open_and_the_same_is_muted() -> None:
    watch = Watch()
    mute = AlertAction(action="mute", by="ada", kind="silent", text="works", until=START + timedelta(days=1))
    watch.hear(10, [mute])
    [opened] = watch.check(130)
    resumed = Watch(unpickle(pickle.dumps(watch.silence.snapshot())), second=500)
    assert resumed.silence.due is None
    assert resumed.check(1000) == []
    [cleared] = resumed.hear(1001)
    assert (cleared.alert_id, cleared.state, cleared.mute_reason) == (opened.alert_id, "cleared", "works")
    assert KEY == ("", "silent", "fleet")
