"""Compiling loops in a process beside the job, which runs them in the interpreter until then."""

from __future__ import annotations

import atexit
import logging
import os
import pickle
import queue
import subprocess
import sys
import threading
import time
from typing import TypeAlias

from dataflows.compiled.loop import CompiledLoop, Signature

Wanted: TypeAlias = tuple[CompiledLoop, Signature]

IDLE = 30.0
"""Seconds without anything to compile after which the process ends; another is started when one is needed."""

NICENESS = 5
"""The job comes first where both have to share a processor."""

logger = logging.getLogger(__name__)


def compile_in_background() -> None:
    """From now on a loop whose machine code is not in numba's cache is compiled beside this process.

    Until it is, its calls run in the interpreter, with the same results and about a hundred times as slowly.
    So a new job scores its first event at once instead of after half a minute.
    """
    CompiledLoop.compiler = BackgroundCompiler()


class BackgroundCompiler:
    """Has a process of its own compile one loop after the other, in the order in which they were called."""

    def __init__(self) -> None:
        self._wanted: queue.Queue[Wanted] = queue.Queue()
        self._process: subprocess.Popen[bytes] | None = None
        self._is_ending = False
        atexit.register(self._end)
        threading.Thread(target=self._run, name="compiler", daemon=True).start()

    def compile(self, loop: CompiledLoop, signature: Signature) -> None:
        """Compile a loop for arguments of these types; returns before that is done."""
        self._wanted.put((loop, signature))

    def _run(self) -> None:
        while True:
            self._work(self._wanted.get())

    def _work(self, wanted: Wanted | None) -> None:
        """Compile until nothing has been wanted for a while."""
        logger.info("compiling loops for this processor; until then, events are scored more slowly")
        start, count = time.monotonic(), 0
        self._process = _start()
        while wanted is not None:
            loop, signature = wanted
            trouble = _compile(self._process, loop, signature)
            if self._is_ending:
                return
            if trouble:
                name = loop.function.__qualname__
                logger.warning("cannot compile %s beside the job, which does so itself: %s", name, trouble)
            loop.has_compiled(signature)
            count += 1
            if self._wanted.empty():
                logger.info("%d loops are compiled, after %.1f s", count, time.monotonic() - start)
            wanted = self._next()
        self._process.communicate()

    def _next(self) -> Wanted | None:
        try:
            return self._wanted.get(timeout=IDLE)
        except queue.Empty:
            return None

    def _end(self) -> None:
        self._is_ending = True
        if self._process is not None:
            self._process.kill()


def _start() -> subprocess.Popen[bytes]:
    """Start ``python -m dataflows.compiled``: asked on standard input, it answers on standard output."""
    return subprocess.Popen(
        [sys.executable, "-m", "dataflows.compiled"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )


def _compile(process: subprocess.Popen[bytes], loop: CompiledLoop, signature: Signature) -> str:
    """Compile and wait for it; returns what went wrong, or nothing."""
    asked, answers = process.stdin, process.stdout
    assert asked is not None
    assert answers is not None
    try:
        pickle.dump((loop.function.__module__, loop.function.__qualname__, signature), asked)
        asked.flush()
        answer = answers.readline()
    except OSError:
        answer = b""
    return answer.decode().strip() if answer else f"the process ended with status {process.wait()}"
