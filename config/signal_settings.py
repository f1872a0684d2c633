"""The signal catalogue, ``[signals.NAME]``: what the user knows about each measurement."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError, model_validator

from config.expressions import in_order, parse
from config.section import UNSET, JsonPointer, Section, pointer_to

Role = Literal["target", "context", "position", "ignored"]
Direction = Literal["both", "above", "below"]
Measure = Literal["", "speed", "odometer", "level", "running"]
Finite = Annotated[float, Field(allow_inf_nan=False)]

SCORED_ROLES: tuple[Role, ...] = ("target", "context")

TURNS = {"°": 360.0, "deg": 360.0, "rad": 2.0 * math.pi}
"""Length of one turn by unit."""

METRES_PER_SECOND = {
    "km/h": 1 / 3.6,
    "kmh": 1 / 3.6,
    "kph": 1 / 3.6,
    "mph": 0.44704,
    "m/s": 1.0,
    "kn": 0.514444,
}
"""One unit of speed."""

METRES = {"km": 1000.0, "m": 1.0, "mi": 1609.344, "miles": 1609.344}
"""One unit of distance."""

_UNITS: dict[Measure, dict[str, float]] = {"speed": METRES_PER_SECOND, "odometer": METRES}

_BOOLEAN = TypeAdapter(bool)


class SignalSettings(Section):
    """One signal of the catalogue.

    A measured signal has a pointer, a derived one an expression. The key ``scored`` of older files is read as
    a role: false is ``"ignored"``.

    Attributes:
        pointer: where its value is in an event; empty if it is derived. Where the payload or the topic names
            the signal, the parts of the pointer, joined by ``/``, are that name.
        unit: shown to people.
        scale: its value is what was sent, times this ...
        offset: ... plus this.
        min: lower bound of its plausible range, in its unit: a value below it is a broken sensor.
        max: the upper one.
        low: lower alarm limit, in its unit: a value below it is dangerous.
        high: the upper one.
        role: ``"target"``: the detector judges it. ``"context"``: it explains the targets and is never
            blamed. ``"position"`` and ``"ignored"``: the detector does not use it.
        circular: it starts over after one turn, as a heading does: 359° is next to 0°. The turn is that of
            the unit if it is one of `TURNS`, else from `min` to `max`.
        direction: on which side of the expected value a deviation counts in alerts.
        least_deviation: smaller deviations from the expected value do not count in alerts, in its unit.
        measures: what rollups need it for. ``"speed"``; ``"odometer"``: the distance driven so far;
            ``"level"``: what is used up and filled up, such as fuel; ``"running"``: above 0 while the engine
            runs. At most one signal each, but any number of levels.
        when: a condition; the signal counts in anomaly alerts only while it holds, and only from five
            minutes on if it did not hold for a minute or more before.
        expression: how it is computed from other signals (`config.expressions`).
    """

    pointer: JsonPointer = ""
    unit: str = ""
    scale: Finite = 1.0
    offset: Finite = 0.0
    min: float | None = None
    max: float | None = None
    low: Annotated[Finite | None, UNSET] = None
    high: Annotated[Finite | None, UNSET] = None
    role: Role = "target"
    circular: bool = False
    direction: Direction = "both"
    least_deviation: Annotated[float, Field(ge=0.0, allow_inf_nan=False)] = 0.0
    measures: Measure = ""
    when: Annotated[str | None, UNSET] = None
    expression: Annotated[str | None, UNSET] = None

    @property
    def is_scored(self) -> bool:
        """Whether the detector uses it, as a target or as context."""
        return self.role in SCORED_ROLES

    @property
    def is_derived(self) -> bool:
        """Whether it is computed from other signals instead of read from an event."""
        return self.expression is not None

    @property
    def turn(self) -> tuple[float, float]:
        """Of a circular signal, the lowest value and the length of one turn, in its unit."""
        length = math.nan if self.min is None or self.max is None else self.max - self.min
        return self.min or 0.0, TURNS.get(self.unit, length)

    @model_validator(mode="before")
    @classmethod
    def _scored_is_a_role(cls, keys: Any) -> Any:
        if not isinstance(keys, dict) or "scored" not in keys:
            return keys
        keys = dict(keys)
        try:
            scored = _BOOLEAN.validate_python(keys.pop("scored"))
        except ValidationError:
            raise ValueError("scored: expected true or false; or remove it, and set role") from None
        role = keys.setdefault("role", "target" if scored else "ignored")
        if scored != (role in SCORED_ROLES):
            raise ValueError(
                f"expected scored and role to agree, got scored = {str(scored).lower()} and role = {role!r}; "
                "remove scored"
            )
        return keys

    @model_validator(mode="after")
    def _is_measured_or_derived(self) -> SignalSettings:
        if not self.is_derived:
            if not self.pointer:
                raise ValueError("expected a pointer or an expression, got neither")
            return self
        of_measured = {"pointer": "", "scale": 1.0, "offset": 0.0}
        beside = [name for name, default in of_measured.items() if getattr(self, name) != default]
        if beside:
            raise ValueError(
                f"expected expression without pointer, scale and offset, which are of measured signals, "
                f"got {', '.join(beside)} beside it"
            )
        return self

    @model_validator(mode="after")
    def _ranges_are_not_empty(self) -> SignalSettings:
        if self.min is not None and self.max is not None and self.min >= self.max:
            raise ValueError(f"expected min < max, got min = {self.min} and max = {self.max}")
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise ValueError(f"expected low < high, got low = {self.low} and high = {self.high}")
        return self

    @model_validator(mode="after")
    def _turn_of_circular_is_known(self) -> SignalSettings:
        if self.circular and not all(map(math.isfinite, self.turn)):
            units = ", ".join(map(repr, TURNS))
            raise ValueError(
                f"circular: expected the unit of an angle ({units}), or min and max that are one turn apart, "
                f"got unit = {self.unit!r}, min = {self.min} and max = {self.max}"
            )
        return self

    @model_validator(mode="after")
    def _limits_are_plausible(self) -> SignalSettings:
        for name, limit in (("low", self.low), ("high", self.high)):
            if limit is None:
                continue
            for bound, value in (("min", self.min), ("max", self.max)):
                if value is not None and (limit <= value if bound == "min" else limit >= value):
                    raise ValueError(
                        f"expected {name} between min and max, got {name} = {limit} and {bound} = {value}: "
                        "values outside the plausible range are broken sensors and never dangerous"
                    )
        return self

    @model_validator(mode="after")
    def _unit_of_what_it_measures_is_known(self) -> SignalSettings:
        units = _UNITS.get(self.measures)
        if units is not None and self.unit not in units:
            raise ValueError(
                f"unit: expected one of {', '.join(map(repr, units))} for what measures {self.measures!r}, "
                f"got {self.unit!r}"
            )
        return self

    @model_validator(mode="after")
    def _scale_keeps_differences(self) -> SignalSettings:
        if self.scale == 0.0:
            raise ValueError("scale: expected a factor other than 0, which would make all values equal")
        return self


def _with_pointers(signals: Any) -> Any:
    """A catalogue in which every measured signal has a pointer: by default, to the member with its name."""
    if not isinstance(signals, dict):
        return signals
    return {
        name: {"pointer": pointer_to(name)} | signal
        if isinstance(signal, dict) and not signal.get("expression")
        else signal
        for name, signal in signals.items()
    }


Catalogue = Annotated[dict[str, SignalSettings], Field(min_length=1), BeforeValidator(_with_pointers)]
"""Name → signal; the order is that of the columns everywhere."""


def check_catalogue(signals: Mapping[str, SignalSettings]) -> None:
    """Check what concerns several signals: that one is a target, what they measure, and the expressions.

    Raises:
        ValueError: in one line that names the signal.
    """
    if not any(signal.role == "target" for signal in signals.values()):
        raise ValueError('signals: expected at least one signal with role = "target", got none')
    for measure in ("speed", "odometer", "running"):
        names = [name for name, signal in signals.items() if signal.measures == measure]
        if len(names) > 1:
            raise ValueError(
                f"signals: expected one signal that measures {measure!r}, got {', '.join(names)}"
            )
    parsed = {}
    for name, signal in signals.items():
        if signal.expression is not None:
            try:
                parsed[name] = parse(signal.expression, signals)
            except ValueError as error:
                raise ValueError(f"signals.{name}.expression: {error}") from None
    try:
        in_order(parsed)
    except ValueError as error:
        raise ValueError(f"signals: {error}") from None


def check_condition(text: str, signals: Mapping[str, SignalSettings]) -> None:
    """Check a condition about signals, such as ``"speed == 0"``.

    Raises:
        ValueError: it is no condition, in one line.
    """
    if not parse(text, signals).is_condition:
        raise ValueError(f"expected a condition such as 'speed == 0', got the number {text!r}")
