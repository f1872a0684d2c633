"""A loop run by the Python interpreter, with the results of its machine code.

It takes about a hundred times as long: some hundred events per second.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def interpret(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """Call it as machine code would be: no warnings, and plain numbers as results.

    The arithmetic is the same, but numpy and numba take logarithms and the like from different libraries,
    which may differ in the last bit. A number that is read from a float32 array has to be made float64 before
    it is added to one that is written in the source: numpy would round the sum to float32.

    Args:
        function: one that can be compiled.
        arguments: of the call. Fields of a structured array are attributes of its rows, as in machine code;
            none may have the name of another attribute of `numpy.record`.
    """
    with np.errstate(all="ignore"):
        return _plain(function(*(_with_attributes(argument) for argument in arguments)))


def _with_attributes(argument: Any) -> Any:
    if isinstance(argument, np.ndarray):
        return argument if argument.dtype.names is None else argument.view(np.recarray)
    if isinstance(argument, tuple):
        items = (_with_attributes(item) for item in argument)
        return type(argument)(*items) if hasattr(argument, "_fields") else tuple(items)
    if type(argument) is float:
        # Python's own floats raise an error where machine code divides by zero.
        return np.float64(argument)
    return argument


def _plain(result: Any) -> Any:
    if isinstance(result, np.generic):
        return result.item()
    if isinstance(result, tuple):
        items = (_plain(item) for item in result)
        return type(result)(*items) if hasattr(result, "_fields") else tuple(items)
    return result
