"""The commands that a vehicle understands, as docs/commands.md describes them, and what each will do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from dataflows.events import CommandName, FaultKind

Value = str | float | bool
Arguments = Mapping[str, Value]

Group = Literal["driving", "simulation"]
"""What a vehicle does on the road, or what happens to a simulated one."""


@dataclass(frozen=True, slots=True)
class NumberArgument:
    """A number.

    Attributes:
        name: in the command.
        label: for people, with its unit.
        least, most: its range.
        default: what is suggested; ``None``: where the vehicle is.
    """

    name: str
    label: str
    least: float
    most: float
    default: float | None


@dataclass(frozen=True, slots=True)
class ChoiceArgument:
    """One of some texts.

    Attributes:
        name: in the command.
        label: for people.
        values: what there is to choose from; empty: the signals that the detector judges.
        is_optional: whether it may be left out.
    """

    name: str
    label: str
    values: tuple[str, ...]
    is_optional: bool = False


@dataclass(frozen=True, slots=True)
class CommandKind:
    """One of the commands.

    Attributes:
        name: as it is sent.
        label: on its button.
        icon: a Material symbol.
        does: what the vehicle will do, as the end of a sentence; names of arguments are in braces.
        done: when it is done, as the end of a sentence.
        arguments: what has to be said.
        group: where its button is.
    """

    name: CommandName
    label: str
    icon: str
    does: str
    done: str
    arguments: tuple[NumberArgument | ChoiceArgument, ...] = ()
    group: Group = "driving"

    def sentence(self, arguments: Arguments) -> str:
        """What the vehicle will do, as the end of a sentence."""
        shown = {
            name: f"{value:g}" if isinstance(value, float) else str(value).replace("_", " ")
            for name, value in arguments.items()
        }
        if "signal" not in shown:
            shown["signal"] = "a signal"
        return self.does.format(**shown)


WITH_A_SIGNAL: tuple[FaultKind, ...] = ("stuck_sensor", "spiking_sensor", "drifting_sensor", "missing_sensor")
"""Kinds of faults of which a signal can be named."""

KINDS: tuple[CommandKind, ...] = (
    CommandKind(
        "stop",
        "Stop",
        "front_hand",
        "brakes comfortably and stands with its engine idling, until it is told to resume",
        "it stands",
    ),
    CommandKind(
        "resume",
        "Resume",
        "play_arrow",
        "drives on: no stop, speed limit or destination holds any more",
        "at once",
    ),
    CommandKind(
        "limit_speed",
        "Limit speed",
        "speed",
        "drives no faster than {kmh} km/h, until it is told to resume",
        "it is that slow",
        (NumberArgument("kmh", "Speed limit, km/h", 1.0, 250.0, 50.0),),
    ),
    CommandKind(
        "go_to",
        "Go to a place",
        "location_on",
        "drives along its route to the point nearest to {latitude}, {longitude}, and stands there",
        "it stands there",
        (
            NumberArgument("latitude", "Latitude, °", -90.0, 90.0, None),
            NumberArgument("longitude", "Longitude, °", -180.0, 180.0, None),
        ),
    ),
    CommandKind(
        "restart",
        "Restart engine",
        "restart_alt",
        "stops, switches its engine off for a few seconds, and drives on",
        "the engine runs again",
    ),
    CommandKind(
        "inject_fault",
        "Inject a fault",
        "bug_report",
        "gets the fault “{kind}” for {seconds} seconds, on {signal} if it is of a sensor",
        "the fault begins",
        (
            ChoiceArgument("kind", "Fault", get_args(FaultKind)),
            ChoiceArgument("signal", "Signal, for a fault of a sensor", (), is_optional=True),
            NumberArgument("seconds", "Duration, seconds", 1.0, 3600.0, 60.0),
        ),
        "simulation",
    ),
    CommandKind(
        "clear_fault",
        "Clear the fault",
        "healing",
        "has no fault from its next event on",
        "at once",
        group="simulation",
    ),
)


def kind_named(name: str) -> CommandKind | None:
    """The command of a name; ``None`` if there is none."""
    return next((kind for kind in KINDS if kind.name == name), None)


def label_of(name: str) -> str:
    """A command as people read it; its name if it is not known here."""
    kind = kind_named(name)
    return name if kind is None else kind.label
