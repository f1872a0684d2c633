"""The clock of a replay."""

from __future__ import annotations

from ui.replay.clock import LONGEST_TICK, ReplayClock


class Timer:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def clock(timer: Timer) -> ReplayClock:
    made = ReplayClock(1000.0, 1600.0, timer)
    made.play()
    return made


def test_a_clock_runs_at_its_speed() -> None:
    timer = Timer()
    running = clock(timer)
    running.speed = 10.0
    timer.now += 1.5
    assert running.due() == 1015.0
    running.move_to(running.due())
    timer.now += 0.5
    assert running.due() == 1020.0


def test_a_clock_stands_still_while_it_is_paused() -> None:
    timer = Timer()
    running = clock(timer)
    running.pause()
    timer.now += 1.0
    assert running.due() == 1000.0
    running.play()
    timer.now += 1.0
    assert running.due() == 1001.0


def test_a_clock_that_nobody_looks_at_stands_still() -> None:
    timer = Timer()
    running = clock(timer)
    timer.now += 3600.0
    assert running.due() == 1000.0 + LONGEST_TICK


def test_a_clock_stops_at_the_end_and_plays_again_from_the_start() -> None:
    timer = Timer()
    running = clock(timer)
    running.move_to(9999.0)
    assert (running.at, running.is_at_end, running.is_paused) == (1600.0, True, True)
    running.play()
    assert (running.at, running.is_paused) == (1000.0, False)


def test_a_clock_set_to_before_the_recording_is_at_its_start() -> None:
    running = clock(Timer())
    running.move_to(3.0)
    assert running.at == 1000.0
