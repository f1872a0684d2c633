"""Loops over events, compiled to machine code.

Numpy is fast on long arrays, but a block of events is a few hundred rows: most of the time would be spent on
the overhead of its calls. A compiled loop also keeps the promise of bit-identical results: it does the same
arithmetic for a row, in the same order, whatever other rows are in the array.

Numba recompiles a cached function when its own file has changed, but not when another file has: a compiled
function may therefore only call compiled functions of its own file.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Slots: TypeAlias = NDArray[np.intp]
Mask: TypeAlias = NDArray[np.bool_]

Loop = TypeVar("Loop", bound=Callable[..., Any])


def compiled(loop: Loop) -> Loop:
    """Compile a function of arrays and numbers at its first call; the machine code is cached on disk.

    Division by zero gives infinity or NaN, as in numpy. Floating-point operations are neither reordered nor
    approximated.
    """
    return cast(Loop, numba.njit(cache=True, error_model="numpy", fastmath=False)(loop))
