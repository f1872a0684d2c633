"""A loop runs in the interpreter until its machine code is there, with the same results."""

from __future__ import annotations

import importlib
import logging
import math
import os
import pickle
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple
from uuid import uuid4

import numpy as np
import pytest

from dataflows.compiled import background
from dataflows.compiled.background import BackgroundCompiler
from dataflows.compiled.interpreter import interpret
from dataflows.compiled.loop import CompiledLoop, Signature
from scripts.waiting import DEADLINE, wait_until

SOURCE = """
from dataflows.compiled import compiled

@compiled
def total(values):
    result = 0.0
    for value in values:
        result += squared(value)
    return result

@compiled
def squared(value):
    return value * value

@compiled
def impossible(values):
    return open(values)
"""


class Pair(NamedTuple):
    rows: Any
    share: float


@dataclass
class Asked:
    """A compiler that compiles nothing."""

    wanted: list[tuple[CompiledLoop, Signature]] = field(default_factory=list)

    def compile(self, loop: CompiledLoop, signature: Signature) -> None:
        self.wanted.append((loop, signature))


@pytest.fixture
def loops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A module of loops that nothing has compiled yet."""
    name = f"loops_{uuid4().hex}"
    (tmp_path / f"{name}.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module(name)
    del sys.modules[name]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    compiler = Asked()
    monkeypatch.setattr(CompiledLoop, "compiler", compiler)
    return compiler


def warnings(log: pytest.LogCaptureFixture) -> list[str]:
    """What was logged as a warning, whatever else is logged since another test has run a program."""
    return [record.getMessage() for record in log.records if record.levelno >= logging.WARNING]


def is_compiled(loop: CompiledLoop) -> bool:
    return bool(loop.machine.signatures)


def test_without_a_compiler_beside_it_the_first_call_compiles(loops: ModuleType) -> None:
    assert loops.total(np.array([1.0, 2.0])) == 5.0
    assert is_compiled(loops.total)


def test_while_it_is_being_compiled_it_runs_in_the_interpreter(loops: ModuleType, asked: Asked) -> None:
    for _ in range(3):
        assert loops.total(np.array([1.0, 2.0])) == 5.0

    assert not is_compiled(loops.total)
    assert [loop for loop, _ in asked.wanted] == [loops.total], "once, and not the loop that it calls"


def test_arguments_of_other_types_are_asked_for_too(loops: ModuleType, asked: Asked) -> None:
    loops.total(np.array([1.0]))
    loops.total(np.array([1], np.float32))
    loops.total(np.array([1.0]))

    assert len({signature for _, signature in asked.wanted}) == len(asked.wanted) == 2


def test_it_runs_as_machine_code_once_that_is_in_the_cache(loops: ModuleType, asked: Asked) -> None:
    loops.total(np.array([1.0, 2.0]))
    ((loop, signature),) = asked.wanted
    copy = CompiledLoop(loop.function)
    copy.machine.compile(signature)

    loop.use_machine_code(signature)
    loop.function = None  # type: ignore[assignment]

    assert loops.total(np.array([1.0, 2.0])) == 5.0
    assert len(asked.wanted) == 1


def test_it_does_not_wait_for_other_types_to_run_as_machine_code(loops: ModuleType, asked: Asked) -> None:
    loops.total(np.array([1.0]))
    loops.total(np.array([1], np.float32))
    (loop, doubles), (_, singles) = asked.wanted
    CompiledLoop(loop.function).machine.compile(doubles)

    loop.use_machine_code(doubles)
    assert loops.total(np.array([3.0])) == loops.total(np.array([3], np.float32)) == 9.0

    assert set(loop.machine.overloads) == {doubles}
    loop.use_machine_code(singles)
    assert loops.total(np.array([3], np.float32)) == 9.0
    assert set(loop.machine.overloads) == {doubles, singles}


def test_what_is_in_the_cache_is_never_interpreted(loops: ModuleType, asked: Asked) -> None:
    signature = (loops.total.machine.typeof_pyval(np.array([1.0])),)
    CompiledLoop(loops.total.function).machine.compile(signature)

    assert loops.total(np.array([3.0])) == 9.0

    assert is_compiled(loops.total)
    assert asked.wanted == []


def test_if_compiling_has_failed_elsewhere_the_next_call_compiles(loops: ModuleType, asked: Asked) -> None:
    loops.total(np.array([1.0]))
    ((loop, signature),) = asked.wanted

    assert not loop.use_machine_code(signature)

    assert loops.total(np.array([3.0])) == 9.0
    assert is_compiled(loop)
    assert len(asked.wanted) == 1


def test_machine_code_is_loaded_once_however_often_it_was_asked_for(loops: ModuleType, asked: Asked) -> None:
    loops.total(np.array([1.0]))
    ((loop, signature),) = asked.wanted
    loop.machine.compile(signature)

    assert loop.use_machine_code(signature)

    assert loop.machine.nopython_signatures == [loop.machine.overloads[signature].signature]
    assert loops.total(np.array([3.0])) == 9.0


def test_a_cache_that_cannot_be_read_is_emptied_and_compiled_again(
    loops: ModuleType, asked: Asked, caplog: pytest.LogCaptureFixture
) -> None:
    signature = (loops.total.machine.typeof_pyval(np.array([1.0])),)
    copy = CompiledLoop(loops.total.function)
    copy.machine.compile(signature)
    (code,) = Path(copy.machine._cache.cache_path).glob(f"{loops.__name__}.total-*.nbc")
    code.write_bytes(code.read_bytes()[:100])

    assert loops.total(np.array([3.0])) == 9.0
    assert [wanted for _, wanted in asked.wanted] == [signature]
    assert warnings(caplog)[0].startswith("numba's cache of total cannot be read, and is emptied: ")

    CompiledLoop(loops.total.function).machine.compile(signature)
    assert loops.total.use_machine_code(signature)
    assert loops.total(np.array([3.0])) == 9.0


def test_several_workers_may_call_a_loop_at_once(loops: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CompiledLoop, "compiler", BackgroundCompiler())
    values = np.arange(100.0)

    def work() -> set[float]:
        found = set()
        while not is_compiled(loops.total):
            found.add(loops.total(values))
        return found | {loops.total(values)}

    with ThreadPoolExecutor(4) as workers:
        results = [workers.submit(work) for _ in range(4)]
        assert [result.result(DEADLINE) for result in results] == [{328_350.0}] * 4
    assert len(loops.total.machine.signatures) == 1


def test_a_process_beside_this_one_compiles_what_is_called(
    loops: ModuleType, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(CompiledLoop, "compiler", BackgroundCompiler())

    with caplog.at_level("INFO"):
        assert loops.total(np.array([1.0, 2.0])) == 5.0
        wait_until(lambda: is_compiled(loops.total), "the machine code is there")
        wait_until(lambda: len(caplog.messages) == 2, "that is said")

    assert loops.total.machine.stats.cache_misses == {}, "this process compiled nothing"
    assert loops.total(np.array([1.0, 2.0])) == 5.0
    assert (
        caplog.messages[0] == "compiling loops for this processor; until then, events are scored more slowly"
    )
    assert caplog.messages[1].startswith("loops compiled: 1, in ")


def test_what_numba_prints_is_no_answer(loops: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_DEBUG_CACHE", "1")
    monkeypatch.setattr(CompiledLoop, "compiler", BackgroundCompiler())

    loops.total(np.array([1.0, 2.0]))
    wait_until(lambda: is_compiled(loops.total), "the machine code is there")

    assert loops.total.machine.stats.cache_misses == {}


def test_what_that_process_cannot_compile_is_said_and_the_rest_is_compiled(
    loops: ModuleType, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    compiler = BackgroundCompiler()
    monkeypatch.setattr(CompiledLoop, "compiler", compiler)

    compiler.compile(loops.impossible, (loops.total.machine.typeof_pyval("text"),))
    loops.total(np.array([1.0, 2.0]))
    wait_until(lambda: is_compiled(loops.total), "the other loop is compiled")

    assert len(warnings(caplog)) == 1
    assert warnings(caplog)[0].startswith("cannot compile impossible beside the job, which does so itself: ")
    assert "\x1b" not in warnings(caplog)[0], "no colours in a log"
    assert loops.total.machine.stats.cache_misses == {}


def test_a_process_that_dies_leaves_its_loop_to_this_one(
    loops: ModuleType, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    monkeypatch.setattr(CompiledLoop, "compiler", BackgroundCompiler())

    assert loops.total(np.array([1.0])) == 1.0
    wait_until(lambda: warnings(caplog), "a warning")
    assert "its process ended with status 1: it said nothing" in warnings(caplog)[0]

    assert loops.total(np.array([2.0])) == 4.0
    assert is_compiled(loops.total)


def test_a_process_that_does_not_answer_is_given_up(
    loops: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    silent = tmp_path / "silent"
    silent.write_text("#!/bin/sh\necho 'what it was at' >&2\nexec sleep 600\n")
    silent.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(silent))
    monkeypatch.setattr(background, "TIME_TO_COMPILE", 0.5)
    monkeypatch.setattr(CompiledLoop, "compiler", BackgroundCompiler())

    loops.total(np.array([1.0]))
    wait_until(lambda: warnings(caplog), "a warning")

    assert "its process ended with status -9: what it was at" in warnings(caplog)[0]
    assert loops.total(np.array([2.0])) == 4.0
    assert is_compiled(loops.total)


def test_without_any_process_this_one_compiles(
    loops: ModuleType, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sys, "executable", "/does/not/exist")
    monkeypatch.setattr(CompiledLoop, "compiler", BackgroundCompiler())

    assert loops.total(np.array([1.0])) == 1.0
    wait_until(lambda: CompiledLoop.compiler is None, "the compiler ends")

    assert "cannot compile loops beside the job, which does so itself: " in warnings(caplog)[0]
    assert loops.total(np.array([2.0])) == 4.0
    assert is_compiled(loops.total)


def test_when_nothing_is_left_to_compile_the_types_of_calls_are_no_longer_looked_at(
    loops: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CompiledLoop, "compiler", BackgroundCompiler(idle=0.2))

    loops.total(np.array([1.0]))
    wait_until(lambda: CompiledLoop.compiler is None, "the compiler ends")

    assert is_compiled(loops.total)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_process_leaves_at_the_end_of_its_input_and_not_when_the_job_is_asked_to_stop(
    number: signal.Signals, loops: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *filter(None, sys.path)]))
    process = subprocess.Popen(
        [sys.executable, "-m", "dataflows.compiled"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    wanted = pickle.dumps((loops.__name__, "total", (loops.total.machine.typeof_pyval(np.zeros(1)),)))
    for _ in range(2):
        process.stdin.write(wanted)
        process.stdin.flush()
        assert process.stdout.readline() == b"\n"
        process.send_signal(number)

    assert process.communicate(timeout=DEADLINE)[0] == b""
    assert process.returncode == 0


def divided(one: float, other: float) -> float:
    return one / other


def first_start(rows: Any) -> Any:
    return rows[0].start


def test_the_interpreter_divides_by_zero_as_machine_code_does() -> None:
    assert interpret(divided, (1.0, 0.0)) == math.inf
    assert math.isnan(interpret(divided, (0.0, 0.0)))


def test_the_interpreter_reads_fields_of_a_structured_array_as_attributes() -> None:
    rows = np.array([(3.5, 1)], [("start", "f8"), ("count", "i8")])

    assert interpret(first_start, (rows,)) == 3.5
    assert interpret(lambda pair: pair.rows[0].start * pair.share, (Pair(rows, 2.0),)) == 7.0


def test_the_interpreter_writes_to_the_arrays_that_it_was_given() -> None:
    rows = np.zeros(2, [("start", "f8")])

    def write(rows: Any) -> None:
        rows[1].start = 4.0

    interpret(write, (rows,))

    assert rows["start"].tolist() == [0.0, 4.0]


def test_results_of_the_interpreter_are_plain_numbers() -> None:
    values = np.array([1.5, 2.5])

    number, (whole, yes) = interpret(lambda array: (array[0], (array.argmax(), array[0] > 1.0)), (values,))

    assert (type(number), type(whole), type(yes)) == (float, int, bool)
    pair = interpret(lambda array: Pair(array, array[1]), (values,))
    assert type(pair) is Pair
    assert pair.rows is values
    assert type(pair.share) is float
