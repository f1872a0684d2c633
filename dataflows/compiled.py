"""Loops over events, compiled to machine code.

Numpy is fast over long arrays, but a block of events is a few hundred rows: most of the time would go
into calling it. A compiled loop also keeps the promise of bit-identical results by itself: it does the same
arithmetic for a row in the same order, whichever rows stand beside it.

What is kept on disk is made anew when its own file changes, and no other: a compiled loop may call only
those of its own file.
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
    """Compile a function of arrays and numbers at its first call; the result is kept on disk.

    Division by 0 gives infinity or NaN, as in numpy. Nothing is reordered or approximated.
    """
    return cast(Loop, numba.njit(cache=True, error_model="numpy", fastmath=False)(loop))
