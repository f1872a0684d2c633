"""Messages on their way, and services that do not answer."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from dataflows.notification import delivery
from dataflows.notification.delivery import MOST_STUCK, Deliveries
from dataflows.notification.message import Message
from scripts.waiting import DEADLINE, wait_until

MESSAGE = Message("title", "body", "minor")


class Stuck:
    """A service that answers when it is released."""

    def __init__(self) -> None:
        self.released = threading.Event()
        self.asked = 0
        self.reason: str | None = "refused"

    def send(self, message: Message) -> str | None:
        self.asked += 1
        self.released.wait(DEADLINE)
        return self.reason


@pytest.fixture
def service() -> Iterator[Stuck]:
    stuck = Stuck()
    yield stuck
    stuck.released.set()


def test_the_answer_is_there_when_the_service_has_given_it(service: Stuck) -> None:
    deliveries = Deliveries("chat", service)
    deliveries.start(MESSAGE)
    assert deliveries.answer() is None
    assert deliveries.answer(timeout=0.01) is None
    service.released.set()
    assert deliveries.answer(timeout=DEADLINE) == ("refused",)
    service.reason = None
    deliveries.start(MESSAGE)
    assert deliveries.answer(timeout=DEADLINE) == (None,)


def test_a_service_that_does_not_answer_has_failed_and_its_late_answer_is_that_of_no_other_message(
    service: Stuck, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliveries = Deliveries("chat", service)
    monkeypatch.setattr(delivery, "PATIENCE", 0.0)
    deliveries.start(MESSAGE)
    assert deliveries.answer() == ("no answer within 0 s",)
    monkeypatch.setattr(delivery, "PATIENCE", DEADLINE)
    deliveries.start(MESSAGE)
    wait_until(lambda: service.asked == 2, "the second message")
    assert deliveries.answer() is None


def test_no_more_threads_than_allowed_wait_for_a_service(
    service: Stuck, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliveries = Deliveries("chat", service)
    monkeypatch.setattr(delivery, "PATIENCE", 0.0)
    for _ in range(MOST_STUCK - 1):
        deliveries.start(MESSAGE)
        assert deliveries.answer() is not None
    deliveries.start(MESSAGE)
    assert deliveries.answer() is None
    service.released.set()
    assert deliveries.answer(timeout=DEADLINE) == ("refused",)
