"""How much memory a process has had."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path


def peak_memory_mib(process: int) -> float:
    """The most that a running process has had in memory so far; 0 where the system does not tell."""
    with suppress(OSError):
        found = re.search(r"^VmHWM:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text(), re.MULTILINE)
        return int(found[1]) / 1024 if found else 0.0
    return 0.0
