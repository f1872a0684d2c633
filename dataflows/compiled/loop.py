"""A function that numba compiles, and that can run in the interpreter until it has."""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Callable
from typing import Any, ClassVar, Protocol, TypeAlias, TypeVar, cast

import numba
import numpy as np
from numba.core.compiler_lock import global_compiler_lock
from numpy.typing import NDArray

from dataflows.compiled.interpreter import interpret

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Slots: TypeAlias = NDArray[np.intp]
Mask: TypeAlias = NDArray[np.bool_]

Signature: TypeAlias = tuple[Any, ...]
"""The types of a call's arguments, as numba knows them."""

Kinds: TypeAlias = tuple[Any, ...]
"""The same, of at least as many kinds, and found twenty times as quickly."""

Function = TypeVar("Function", bound=Callable[..., Any])

logger = logging.getLogger(__name__)


def compiled(function: Function) -> Function:
    """Compile a function of arrays and numbers at its first call; the machine code is cached on disk.

    It takes positional arguments only. Division by zero gives infinity or NaN, as in numpy. Floating-point
    operations are neither reordered nor approximated.
    """
    return cast(Function, CompiledLoop(function))


class Compiler(Protocol):
    """Compiles loops somewhere else."""

    def compile(self, loop: CompiledLoop, signature: Signature) -> None:
        """Leave machine code in numba's cache; call the loop's `use_machine_code` afterwards in any case."""


class CompiledLoop:
    """What `compiled` makes of a function.

    Args:
        function: defined in a module; takes positional arguments only.
    """

    compiler: ClassVar[Compiler | None] = None
    """Compiles what is not in the cache; with ``None``, a call compiles first."""

    _interpreting: ClassVar[threading.local] = threading.local()

    def __init__(self, function: Callable[..., Any]) -> None:
        functools.update_wrapper(self, function)
        self.function = function
        self.machine = numba.njit(cache=True, error_model="numpy", fastmath=False)(function)
        self._ready: set[Kinds] = set()
        self._compiling: set[Signature] = set()
        self._failed: set[Signature] = set()
        self._lock = threading.Lock()

    @property
    def _numba_type_(self) -> Any:
        """What numba asks for where another compiled function calls this one."""
        return self.machine._numba_type_

    def __call__(self, *arguments: Any) -> Any:
        """Run the machine code, or the function itself while the compiler is at work on it."""
        compiler = CompiledLoop.compiler
        if compiler is None:
            return self.machine(*arguments)
        if getattr(self._interpreting, "within", False):
            # Called by another loop: it is compiled as part of that one.
            return self.function(*arguments)
        kinds = tuple(map(_kind, arguments))
        if kinds in self._ready:
            return self.machine(*arguments)
        if self._has_machine_code(compiler, arguments):
            self._ready.add(kinds)
            return self.machine(*arguments)
        self._interpreting.within = True
        try:
            return interpret(self.function, arguments)
        finally:
            self._interpreting.within = False

    def use_machine_code(self, signature: Signature) -> bool:
        """Run as machine code from now on, with arguments of these types.

        Returns:
            whether it is in the cache. If not, since compiling has failed, the next call compiles.
        """
        with self._lock:
            found = self._load(signature)
            if not found:
                self._failed.add(signature)
            self._compiling.discard(signature)
        return found

    def _has_machine_code(self, compiler: Compiler, arguments: tuple[Any, ...]) -> bool:
        signature = tuple(self.machine.typeof_pyval(argument) for argument in arguments)
        if signature in self.machine.overloads:
            return True
        with self._lock:
            if signature in self._compiling:
                return False
            if signature in self._failed or self._load(signature):
                return True
            self._compiling.add(signature)
        compiler.compile(self, signature)
        return False

    def _load(self, signature: Signature) -> bool:
        """Load machine code from numba's cache, as `machine` does before it compiles; false without any."""
        machine = self.machine
        with global_compiler_lock:
            # A second time, numba would take it for another overload, and no longer know which one to call.
            if signature in machine.overloads:
                return True
            try:
                found = machine._cache.load_overload(signature, machine.targetctx)
            except Exception as error:
                name = self.function.__qualname__
                logger.warning("numba's cache of %s cannot be read, and is emptied: %r", name, error)
                machine._cache.flush()
                return False
            if found is None:
                return False
            machine.targetctx.insert_user_function(found.entry_point, found.fndesc, [found.library])
            machine.add_overload(found)
        return True


def _kind(argument: Any) -> Any:
    if type(argument) is np.ndarray:
        return argument.dtype, argument.ndim, argument.flags.num
    if isinstance(argument, tuple):
        return type(argument), *map(_kind, argument)
    return type(argument)
