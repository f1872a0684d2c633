"""Pacing by an injected clock: nothing early, nothing lost, no drift, and lag is reported."""

from __future__ import annotations

import logging
import math
import os
import signal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.stop_request import StopRequest
from dataflows.messages import MessageBatch
from sim.pacing import Pacer, publish_paced


class Clock:
    """Time passes only while something sleeps."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Log:
    """A publisher that records what it gets, and when."""

    def __init__(self, clock: Clock) -> None:
        self.sent: list[tuple[float, bytes]] = []
        self._clock = clock

    def publish(self, batch: MessageBatch) -> int:
        self.sent += [(self._clock.now, payload) for payload in batch.payloads]
        return len(batch)


def batch_of(arrived: list[int]) -> MessageBatch:
    payloads = [b"%d" % index for index in range(len(arrived))]
    return MessageBatch(payloads=payloads, topics=["t"] * len(arrived), arrived=arrived, origin="test")


@given(
    gaps=st.lists(st.integers(0, 3_000_000), min_size=1, max_size=40), speed=st.sampled_from([0.5, 1.0, 10.0])
)
def test_every_message_is_sent_once_in_order_and_never_before_its_time(gaps: list[int], speed: float) -> None:
    clock = Clock()
    arrived = [sum(gaps[: index + 1]) for index in range(len(gaps))]
    log = Log(clock)
    stop = StopRequest()
    pacer = Pacer(stop, speed=speed, clock=clock, sleep=clock.sleep)

    assert publish_paced(batch_of(arrived), log, pacer, stop) == len(arrived)

    assert [payload for _, payload in log.sent] == batch_of(arrived).payloads
    for (sent, _), time in zip(log.sent, arrived, strict=True):
        due = 100.0 + (time - arrived[0]) / 1e6 / speed
        assert due - 1e-6 <= sent <= due + 0.01


def test_something_else_has_its_turn_at_least_every_tenth_of_a_second() -> None:
    clock = Clock()
    turns: list[float] = []
    stop = StopRequest()
    pacer = Pacer(stop, clock=clock, sleep=clock.sleep)
    pacer.meanwhile = lambda: turns.append(clock.now)
    publish_paced(batch_of([0, 40_000, 1_000_000, 1_000_000, 3_500_000]), Log(clock), pacer, stop)
    assert turns[0] == 100.0
    assert turns[-1] == pytest.approx(103.5, abs=0.01)
    assert max(later - earlier for earlier, later in pairwise(turns)) <= 0.1 + 1e-9


def test_it_has_its_turn_even_if_the_pacer_is_always_behind() -> None:
    clock = Clock()
    turns: list[float] = []
    pacer = Pacer(StopRequest(), start=0, clock=clock, sleep=clock.sleep)
    pacer.meanwhile = lambda: turns.append(clock.now)
    clock.now += 60.0
    pacer.wait(1)
    pacer.wait(2)
    assert len(turns) == 2


def test_at_speed_max_nothing_waits() -> None:
    clock = Clock()
    log = Log(clock)
    stop = StopRequest()
    pacer = Pacer(stop, speed=math.inf, clock=clock, sleep=clock.sleep)
    publish_paced(batch_of([0, 10**12, 10**13]), log, pacer, stop)
    assert [time for time, _ in log.sent] == [100.0] * 3


def test_slow_publishing_does_not_delay_later_messages() -> None:
    clock = Clock()
    stop = StopRequest()
    pacer = Pacer(stop, clock=clock, sleep=clock.sleep)
    for second in range(1000):
        pacer.wait(second * 1_000_000)
        clock.now += 0.4
    assert clock.now == pytest.approx(100.0 + 999 + 0.4, abs=0.01)


def test_falling_behind_is_logged_but_catching_up_is_not(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    pacer = Pacer(StopRequest(), start=0, clock=clock, sleep=clock.sleep)
    with caplog.at_level(logging.WARNING):
        clock.now += 30.0  # what a long warm-up takes
        for second in range(40):
            pacer.wait(second * 1_000_000)
        assert caplog.records == []
        clock.now += 60.0
        pacer.wait(41 * 1_000_000)
    assert "behind" in caplog.text


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_wait_and_later_messages_stay_unsent(number: signal.Signals) -> None:
    clock = Clock()
    log = Log(clock)
    with StopRequest() as stop:

        def sleep_then_signal(seconds: float) -> None:
            clock.sleep(seconds)
            if clock.now > 105.0 and not stop.requested:
                os.kill(os.getpid(), number)

        pacer = Pacer(stop, clock=clock, sleep=sleep_then_signal)
        sent = publish_paced(batch_of([0, 1_000_000, 60_000_000]), log, pacer, stop)
    assert sent == len(log.sent) == 2
    assert clock.now < 106.0


def test_a_second_ctrl_c_interrupts_and_the_handlers_are_restored() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with StopRequest() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.requested
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
