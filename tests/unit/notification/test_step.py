"""The step: answers, back-off, metrics and the end, with a clock that the test moves."""

from __future__ import annotations

import threading

import pytest

from config.alert_settings import ChannelSettings
from config.settings import Settings, load
from dataflows.clock import SECOND, microseconds
from dataflows.metrics import NOTIFICATIONS_FAILED, NOTIFICATIONS_SENT, NOTIFICATIONS_WAITING
from dataflows.notification.back_off import BackOff
from dataflows.notification.delivery import Deliveries
from dataflows.notification.message import Message
from dataflows.notification.reading import Update
from dataflows.notification.step import POLL, ChannelLogic, LastWait, restored_channel
from scripts.waiting import DEADLINE, wait_until
from tests.support.alerts import OPENED, make_alert, place_of

START = microseconds(OPENED)
CHANNEL = "step-test"


class Scripted:
    """A service that gives these answers, and then accepts everything."""

    def __init__(self, *reasons: str | None) -> None:
        self.messages: list[Message] = []
        self.released = threading.Event()
        self.released.set()
        self._reasons = list(reasons)

    def send(self, message: Message) -> str | None:
        self.messages.append(message)
        self.released.wait(DEADLINE)
        return self._reasons.pop(0) if self._reasons else None


class Desk:
    """The logic of a channel, and its clock.

    Attributes:
        now: microseconds since 1970-01-01 UTC.
        titles: what it has emitted.
    """

    def __init__(self, service: Scripted) -> None:
        self.now = START
        self.titles: list[str] = []
        self.service = service
        self.settings = self._settings()
        self.logic = ChannelLogic(
            restored_channel(self.settings, CHANNEL),
            Deliveries(CHANNEL, service),
            BackOff(self.settings.notify),
            lambda: self.now,
            LastWait(),
        )

    def take(self, vehicle: str, severity: str = "critical") -> None:
        alert = make_alert(vehicle, severity=severity)
        self.titles += self.logic.on_batch([[Update(place_of(alert), alert)]])[0]

    def due(self) -> float | None:
        """Seconds until it wants to be called."""
        at = self.logic.notify_at()
        return None if at is None else (microseconds(at) - self.now) / SECOND

    def answered(self) -> None:
        """Call it until the answer to the message under way is there."""

        def is_answered() -> bool:
            self.titles += self.logic.on_notify()[0]
            return self.due() != POLL / SECOND

        wait_until(is_answered, "an answer")

    def _settings(self) -> Settings:
        settings = load()
        channels = {CHANNEL: ChannelSettings.model_validate({"url": "json://localhost"})}
        notify = settings.notify.model_copy(update={"channels": channels})
        return settings.model_copy(update={"notify": notify})


def test_a_refused_message_is_tried_again_after_the_back_off_with_what_came_since(
    caplog: pytest.LogCaptureFixture,
) -> None:
    failed, sent = (metric.labels(CHANNEL)._value for metric in (NOTIFICATIONS_FAILED, NOTIFICATIONS_SENT))
    before = failed.get(), sent.get()
    desk = Desk(Scripted("refused", "refused again"))
    desk.take("a")
    desk.answered()
    assert desk.due() == 2.0
    desk.take("b")
    assert desk.due() == 2.0
    assert len(desk.service.messages) == 1
    desk.now += 2 * SECOND
    desk.answered()
    assert desk.due() == 4.0
    assert NOTIFICATIONS_WAITING.labels(CHANNEL)._value.get() == 2
    desk.now += 4 * SECOND
    desk.answered()
    assert desk.titles == ["Critical: 2 vehicles, coolant outside its limits"]
    assert desk.due() is None
    assert (failed.get(), sent.get()) == (before[0] + 2, before[1] + 1)
    assert [record.message for record in caplog.records] == [
        f"channel {CHANNEL}: refused; trying again in 2 s",
        f"channel {CHANNEL}: refused again; trying again in 4 s",
    ]


def test_the_step_never_waits_for_a_service() -> None:
    desk = Desk(Scripted())
    desk.service.released.clear()
    desk.take("a")
    desk.take("b")
    assert desk.logic.on_notify() == ([], False)
    assert len(desk.service.messages) == 1
    desk.service.released.set()
    desk.answered()
    assert desk.titles == ["Critical: a, coolant outside its limits"]


def test_at_the_end_it_waits_a_little_for_the_message_under_way_and_then_asks_for_nothing() -> None:
    desk = Desk(Scripted())
    desk.service.released.clear()
    desk.take("a")
    desk.take("mild", "minor")
    threading.Timer(0.05, desk.service.released.set).start()
    titles, discarded = desk.logic.on_eof()
    assert list(titles) == ["Critical: a, coolant outside its limits"]
    assert not discarded
    assert desk.due() is None
    resumed = restored_channel(desk.settings, CHANNEL, desk.logic.snapshot())
    assert resumed.waiting == 1


def test_a_channel_without_anything_to_do_is_not_called() -> None:
    desk = Desk(Scripted())
    assert desk.due() is None
    desk.take("mild", "minor")
    assert desk.due() == desk.settings.notify.group_within
