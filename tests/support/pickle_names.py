"""What a pickle would import, read from its opcodes without unpickling anything."""

from __future__ import annotations

import pickletools
from contextlib import suppress
from typing import Any

PICKLE = b"\x80"
"""First byte of a pickle of protocol 2 and above."""

STRINGS = ("SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "UNICODE")


def named_by(pickled: bytes) -> set[tuple[str, str]]:
    """Modules and names in them, as (module, name); also those of pickles stored within it as bytes."""
    found: set[tuple[str, str]] = set()
    memo: dict[int, str] = {}
    strings: list[str] = []
    argument: Any
    for opcode, argument, _ in pickletools.genops(pickled):
        if opcode.name in ("GLOBAL", "INST"):
            module, name = argument.split(" ")
            found.add((module, name))
        elif opcode.name == "STACK_GLOBAL":
            # Its operands are the two strings that were pushed last.
            found.add((strings[-2], strings[-1]))
        elif opcode.name in STRINGS:
            strings.append(argument)
        elif opcode.name in ("MEMOIZE", "PUT", "BINPUT", "LONG_BINPUT"):
            memo[len(memo) if argument is None else argument] = strings[-1] if strings else ""
        elif opcode.name in ("GET", "BINGET", "LONG_BINGET"):
            strings.append(memo[argument])
        elif isinstance(argument, bytes) and argument.startswith(PICKLE):
            # Numbers of an array may begin like a pickle, but do not go on like one.
            with suppress(ValueError, LookupError):
                found |= named_by(argument)
    return found
