"""The jobs as programs of an installed package: ``fleet-score``, ``fleet-record``, ``fleet-notify``.

Each is ``python -m bytewax.run`` with the name of its flow, so the engine's options are those of the program.
Bytewax looks for the flow in the working directory first; it is imported before, so that a directory with the
name of one of our packages is not taken for it.
"""

from __future__ import annotations

import runpy
import sys


def score() -> None:
    """Run ``dataflows.fleet``."""
    import dataflows.fleet

    _run(dataflows.fleet.__name__)


def record() -> None:
    """Run ``dataflows.record``."""
    import dataflows.record

    _run(dataflows.record.__name__)


def notify() -> None:
    """Run ``dataflows.notify``."""
    import dataflows.notify

    _run(dataflows.notify.__name__)


def _run(flow: str) -> None:
    sys.argv.insert(1, flow)
    runpy.run_module("bytewax.run", run_name="__main__", alter_sys=True)
