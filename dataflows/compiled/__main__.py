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


def main() -> None:
    """Compile until standard input ends."""
    # Whoever stops the job may signal this process too; it leaves when the job has.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    # What numba prints, for instance with NUMBA_DEBUG_CACHE, is no answer.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
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
        try:
            print(trouble, file=answers, flush=True)
        except BrokenPipeError:
            return


if __name__ == "__main__":
    main()
