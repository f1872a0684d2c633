"""What each command takes, and whether that is what came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast, get_args

from dataflows.events import COMMAND_NAMES, Command, CommandName, FaultKind
from sim.commands.reading import quoted
from sim.faults import SIGNALS_OF


@dataclass(frozen=True, slots=True)
class Number:
    """A number from `lower` to `upper`."""

    lower: float
    upper: float
    required: bool = True

    def accepts(self, value: str | float | bool) -> bool:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return is_number and self.lower <= cast(float, value) <= self.upper

    def __str__(self) -> str:
        return f"a number from {self.lower:g} to {self.upper:g}"


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some texts."""

    values: tuple[str, ...]
    required: bool = True

    def accepts(self, value: str | float | bool) -> bool:
        return isinstance(value, str) and value in self.values

    def __str__(self) -> str:
        return f"one of {', '.join(self.values)}"


KINDS: tuple[FaultKind, ...] = get_args(FaultKind)
_SIGNALS = tuple(sorted(set().union(*SIGNALS_OF.values())))

ARGUMENTS: dict[CommandName, dict[str, Number | Choice]] = {
    "restart": {},
    "stop": {},
    "resume": {},
    "limit_speed": {"kmh": Number(1.0, 250.0)},
    "go_to": {"latitude": Number(-90.0, 90.0), "longitude": Number(-180.0, 180.0)},
    "inject_fault": {
        "kind": Choice(KINDS),
        "seconds": Number(1.0, 3600.0, required=False),
        "signal": Choice(_SIGNALS, required=False),
    },
    "clear_fault": {},
}
"""Name of a command → its arguments."""


def check(command: Command) -> str:
    """What is wrong with the name or the arguments: expected, got; one line, empty if nothing is."""
    if command.name not in COMMAND_NAMES:
        return f"expected one of {', '.join(COMMAND_NAMES)}, got {quoted(command.name)}"
    known = ARGUMENTS[command.name]
    for name, value in command.arguments.items():
        if name not in known:
            return f"{command.name}: expected {_named(known)}, got {quoted(name)}"
        if not known[name].accepts(value):
            return f"{command.name}: expected {name} to be {known[name]}, got {quoted(value)}"
    for name, argument in known.items():
        if argument.required and name not in command.arguments:
            return f"{command.name}: expected {name}, {argument}, got none"
    return _check_signal(command) if "signal" in command.arguments else ""


def _named(known: dict[str, Number | Choice]) -> str:
    return f"no argument but {', '.join(known)}" if known else "no arguments"


def _check_signal(command: Command) -> str:
    kind, signal = fault_kind(command), command.arguments["signal"]
    signals = SIGNALS_OF.get(kind, ())
    if signal in signals:
        return ""
    expected = f"one of {', '.join(signals)}" if signals else "no signal"
    return f"{command.name}: expected {expected} for {kind}, got {quoted(signal)}"


def number(command: Command, name: str) -> float | None:
    """A number of a checked command; ``None`` if it is not given."""
    value = command.arguments.get(name)
    return None if value is None else float(value)


def fault_kind(command: Command) -> FaultKind:
    """The kind of fault in a checked command."""
    return cast(FaultKind, command.arguments["kind"])


def signal(command: Command) -> str | None:
    """The signal in a checked command; ``None`` if it is not given."""
    return cast("str | None", command.arguments.get("signal"))
