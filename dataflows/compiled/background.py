"""Compiling loops in a process beside the job, which runs them in the interpreter until then."""

from __future__ import annotations

import logging
import os
import pickle
import queue
import select
import subprocess
import sys
import tempfile
import threading
import time
from typing import TypeAlias

from dataflows.compiled.loop import CompiledLoop, Signature

Wanted: TypeAlias = tuple[CompiledLoop, Signature]

IDLE = 60.0
"""Seconds without anything to compile after which this ends. What is then called for the first time, which
is rare, is compiled by the job itself: to look at the types of every call costs more than that."""

TIME_TO_COMPILE = 300.0
"""Seconds after which a process that has not answered is given up; the largest loop takes about three."""

VARIABLES = {"NUMBA_DISABLE_ERROR_MESSAGE_HIGHLIGHTING": "1"}
"""For errors without colours, as they are logged."""

logger = logging.getLogger(__name__)


def compile_in_background() -> None:
    """From now on a loop whose machine code is not in numba's cache is compiled beside this process.

    Until it is, its calls run in the interpreter, about a hundred times as slowly (see `interpret`). So a new
    job scores its first event at once instead of after half a minute.
    """
    CompiledLoop.compiler = BackgroundCompiler()


class BackgroundCompiler:
    """Has a process of its own compile one loop after the other, in the order in which they were called.

    Args:
        idle: seconds without anything to compile after which it ends.
    """

    def __init__(self, idle: float = IDLE) -> None:
        self._idle = idle
        self._wanted: queue.Queue[Wanted] = queue.Queue()
        threading.Thread(target=self._run, name="compiler", daemon=True).start()

    def compile(self, loop: CompiledLoop, signature: Signature) -> None:
        """Compile a loop for arguments of these types; returns before that is done."""
        self._wanted.put((loop, signature))

    def _run(self) -> None:
        try:
            self._compile_all()
        except OSError as error:
            logger.warning("cannot compile loops beside the job, which does so itself: %s", error)
        finally:
            # Whatever happened, no loop stays in the interpreter.
            if CompiledLoop.compiler is self:
                CompiledLoop.compiler = None

    def _compile_all(self) -> None:
        process: _Process | None = None
        count, seconds = 0, 0.0
        while (wanted := self._next()) is not None:
            loop, signature = wanted
            if process is None:
                logger.info("compiling loops for this processor; until then, events are scored more slowly")
            if process is None or process.has_ended():
                process = _Process()
            start = time.monotonic()
            trouble = process.compile(loop, signature)
            seconds += time.monotonic() - start
            if loop.use_machine_code(signature):
                count += 1
            else:
                name, why = loop.function.__qualname__, trouble or "it is not in numba's cache afterwards"
                logger.warning("cannot compile %s beside the job, which does so itself: %s", name, why)
            if self._wanted.empty():
                logger.info("loops compiled: %d, in %.1f s", count, seconds)
                count, seconds = 0, 0.0
        if process is not None:
            process.end()

    def _next(self) -> Wanted | None:
        try:
            return self._wanted.get(timeout=self._idle)
        except queue.Empty:
            return None


class _Process:
    """``python -m dataflows.compiled``, which is asked on standard input and answers on standard output.

    Nobody kills it when the job ends: it leaves at the end of its input, after the loop it is at. Killed as
    it writes, it could leave machine code of an older source in the cache.
    """

    def __init__(self) -> None:
        self._said = tempfile.TemporaryFile()  # noqa: SIM115
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "dataflows.compiled"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._said,
                env=os.environ | VARIABLES | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                process_group=0,
            )
        except OSError:
            self._said.close()
            raise

    def has_ended(self) -> bool:
        """Whether another one is needed."""
        return self._process.poll() is not None

    def compile(self, loop: CompiledLoop, signature: Signature) -> str:
        """Compile and wait for it; returns what went wrong, or nothing."""
        asked, answers = self._process.stdin, self._process.stdout
        assert asked is not None
        assert answers is not None
        try:
            pickle.dump((loop.function.__module__, loop.function.__qualname__, signature), asked)
            asked.flush()
            if not select.select([answers], [], [], TIME_TO_COMPILE)[0]:
                self._process.kill()
            answer = answers.readline()
        except OSError:
            answer = b""
        return answer.decode().strip() if answer else self._end_in_words()

    def end(self) -> None:
        """Let it leave."""
        self._process.communicate()
        self._said.close()

    def _end_in_words(self) -> str:
        status = self._process.wait()
        self._said.seek(0)
        last = (self._said.read().decode(errors="replace").strip().splitlines() or ["it said nothing"])[-1]
        return f"its process ended with status {status}: {last}"
