"""Loops over events, compiled to machine code.

Numpy is fast on long arrays, but a block of events is a few hundred rows: most of the time would be spent on
the overhead of its calls. A compiled loop also keeps the promise of bit-identical results: it does the same
arithmetic for a row, in the same order, whatever other rows are in the array.

Numba recompiles a cached function when its own file has changed, but not when another file has: a compiled
function may therefore only call compiled functions of its own file.

The first job on a machine would wait half a minute for its loops. `compile_in_background` lets it run them
in the interpreter meanwhile.
"""

from dataflows.compiled.background import compile_in_background
from dataflows.compiled.loop import Floats, Integers, Mask, Slots, compiled

__all__ = ["Floats", "Integers", "Mask", "Slots", "compile_in_background", "compiled"]
