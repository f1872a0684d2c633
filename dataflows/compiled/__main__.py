"""Compile loops for another process: ``python -m dataflows.compiled``.

Reads pickled module names, function names and signatures from standard input until that ends, and answers
each with a line on standard output: what went wrong, or nothing. The machine code is left in numba's cache.
"""

from __future__ import annotations

import os
import pickle
import pkgutil
import signal
import sys

from dataflows.compiled.background import NICENESS


def main() -> None:
    """Compile until standard input ends."""
    # Ctrl-C is for the job, whose end is the end of the input.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(NICENESS)
    while True:
        try:
            module, name, signature = pickle.load(sys.stdin.buffer)  # noqa: S301
        except EOFError:
            return
        try:
            pkgutil.resolve_name(f"{module}:{name}").machine.compile(signature)
            trouble = ""
        except Exception as error:
            trouble = " ".join(f"{type(error).__name__}: {error}".split())
        print(trouble, flush=True)


if __name__ == "__main__":
    main()
