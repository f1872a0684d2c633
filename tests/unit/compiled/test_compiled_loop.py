"""A loop runs in the interpreter until its machine code is there, with the same results."""

from __future__ import annotations

import importlib
import math
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple
from uuid import uuid4

import numpy as np
import pytest

from dataflows.compiled.background import BackgroundCompiler
from dataflows.compiled.interpreter import interpret
from dataflows.compiled.loop import CompiledLoop, Signature
from scripts.waiting import wait_until

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

    loop.has_compiled(signature)
    loop.function = None  # type: ignore[assignment]

    assert loops.total(np.array([1.0, 2.0])) == 5.0
    assert len(asked.wanted) == 1


def test_it_does_not_wait_for_other_types_to_run_as_machine_code(loops: ModuleType, asked: Asked) -> None:
    loops.total(np.array([1.0]))
    loops.total(np.array([1], np.float32))
    (loop, doubles), (_, singles) = asked.wanted
    CompiledLoop(loop.function).machine.compile(doubles)

    loop.has_compiled(doubles)
    assert loops.total(np.array([3.0])) == loops.total(np.array([3], np.float32)) == 9.0

    assert set(loop.machine.overloads) == {doubles}
    loop.has_compiled(singles)
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

    loop.has_compiled(signature)

    assert loops.total(np.array([3.0])) == 9.0
    assert is_compiled(loop)


def test_a_process_beside_this_one_compiles_what_is_called(
    loops: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CompiledLoop, "compiler", BackgroundCompiler())

    assert loops.total(np.array([1.0, 2.0])) == 5.0

    wait_until(lambda: is_compiled(loops.total), "the machine code is there")
    assert loops.total.machine.stats.cache_misses == {}, "this process compiled nothing"
    assert loops.total(np.array([1.0, 2.0])) == 5.0


def test_what_that_process_cannot_compile_is_said_and_left_to_this_one(
    loops: ModuleType, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    compiler = BackgroundCompiler()
    signature = (loops.total.machine.typeof_pyval("text"),)

    with caplog.at_level("WARNING"):
        compiler.compile(loops.impossible, signature)
        wait_until(lambda: caplog.messages, "a warning")

    assert caplog.messages[0].startswith("cannot compile impossible beside the job, which does so itself: ")
    assert loops.impossible.machine.signatures == []


def test_a_process_that_dies_leaves_the_rest_to_this_one(
    loops: ModuleType, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    monkeypatch.setattr(CompiledLoop, "compiler", BackgroundCompiler())

    with caplog.at_level("WARNING"):
        assert loops.total(np.array([1.0])) == 1.0
        wait_until(lambda: caplog.messages, "a warning")
    assert "the process ended with status 1" in caplog.messages[0]

    wait_until(lambda: loops.total(np.array([2.0])) == 4.0 and is_compiled(loops.total), "it compiles itself")


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
