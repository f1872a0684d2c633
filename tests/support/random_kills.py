"""Programs that are killed at random moments, each at its own."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

LONGEST_RUN = 3.0
"""Seconds from a sign of life to the next kill, at most."""

LONGEST_PAUSE = 2.0
"""Seconds from a kill to the next start, at most."""


class Program(NamedTuple):
    """A program that can be killed.

    Attributes:
        start: starts it, without waiting.
        wait_for_progress: returns when it has done something since its start, or has nothing left to do.
        kill: sends SIGKILL, and waits for its end.
    """

    start: Callable[[], object]
    wait_for_progress: Callable[[], object]
    kill: Callable[[], object]

    def run_and_kill(self, kills: int, moments: random.Random) -> None:
        """Start and kill it so many times, and start it again.

        Every second run may end before it has done anything, as early as while it starts.
        """
        for number in range(kills):
            self.start()
            if number % 2 == 0:
                self.wait_for_progress()
            time.sleep(moments.uniform(0.0, LONGEST_RUN))
            self.kill()
            time.sleep(moments.uniform(0.0, LONGEST_PAUSE))
        self.start()


def kill_all(programs: list[Program], kills: int, seed: int) -> None:
    """Kill each program so many times, independently of the others; returns when all run again.

    Raises:
        AssertionError: one has ended by itself, or did nothing in time.
    """
    with ThreadPoolExecutor(len(programs)) as pool:
        running = [
            pool.submit(program.run_and_kill, kills, random.Random(f"{seed}/{number}"))
            for number, program in enumerate(programs)
        ]
    for each in running:
        each.result()
