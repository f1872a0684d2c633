"""What each field is for: scored as a target or as context, shown but not scored, or left out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from config.settings import SCORED_ROLES, Role
from dataflows.describe.names import signal_names, tokens_of, words
from dataflows.describe.ranges import Range, kind_of, range_of
from dataflows.describe.shape import Field
from dataflows.describe.vehicle import is_id_name, is_vehicle_name

_TRUTH = frozenset(
    {"anomaly", "anomalous", "anomalies", "label", "labels", "outlier", "faulty", "groundtruth"}
)
_FAULT = frozenset({"fault", "failure", "attack", "target", "class"})
_BESIDE_FAULT = frozenset(
    {"is", "type", "kind", "flag", "injected", "active", "present", "name", "true", "id"}
)
_COUNTERS = re.compile(
    r"odo|mileage|kilometerstand|total|(engine|operating) hours|run ti[mn]e|uptime|since|distance|\btrip\b|"
    r"count(er)?$|cumulative|consumed|\bcycles?$"
)
_PLACES = frozenset(
    {
        "location",
        "position",
        "pos",
        "gps",
        "coordinates",
        "coords",
        "latlng",
        "latlon",
        "geo",
        "point",
        "lonlat",
    }
)
_MANY = 20
"""Different values that a field must have to be taken for a counter by its numbers alone."""

SCORED = "scored"
"""The reason of a signal that is scored because nothing speaks against it."""

_CONTEXT = "explains the others, and is no fault itself"

_NOT_SCORED = {
    "latitude": "a new place is no fault, so the position is shown and not scored",
    "longitude": "as the latitude",
    "heading": "not scored: it is circular, 359° is next to 0°",
    "altitude": "not scored: where a vehicle is is no fault",
}
_POSITIONS = frozenset({"latitude", "longitude", "altitude"})
_CONTEXTS = frozenset({"speed limit", "ambient temperature", "air pressure", "humidity", "gear"})
"""Kinds of signals that say what a vehicle has to do with, rather than how it is."""


@dataclass(frozen=True, slots=True)
class Signal:
    """A signal to propose.

    Attributes:
        name: in the catalogue.
        pointer: where it is in an event.
        range: its unit and plausible range.
        role: what the detector is to do with it.
        why: what speaks for that.
        kind: what it is, if that is known: "latitude", "speed"; empty otherwise.
        unsure: what could be otherwise.
    """

    name: str
    pointer: str
    range: Range
    role: Role
    why: str
    kind: str = ""
    unsure: tuple[str, ...] = ()

    @property
    def is_scored(self) -> bool:
        """Whether the detector is to use it."""
        return self.role in SCORED_ROLES


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A field that is not to be read, and why not."""

    pointer: str
    why: str


def choose_signals(
    fields: Mapping[str, Field],
    reserved: Mapping[str, str],
    vehicles: Sequence[str],
    units: Mapping[str, str],
) -> tuple[list[Signal], list[LeftOut]]:
    """Decide for every field.

    Args:
        fields: of the records.
        reserved: pointers that are used otherwise, or hold other times → what they are.
        vehicles: the vehicle of each record.
        units: pointer → unit in the header of a table.
    """
    chosen: list[Field] = []
    left_out: list[LeftOut] = []
    for field in fields.values():
        reason = reserved.get(field.pointer) or _reason_to_leave_out(field)
        if reason:
            left_out.append(LeftOut(field.pointer, reason))
        else:
            chosen.append(field)
    names = signal_names(field.pointer for field in chosen)
    places = _places(chosen)
    for pointer, place in places.items():
        if place not in names.values():
            names[pointer] = place
    signals = [
        _signal(
            field, names[field.pointer], places.get(field.pointer), vehicles, units.get(field.pointer, "")
        )
        for field in chosen
    ]
    if all(signal.role != "target" for signal in signals):
        # Something must be judged; what else there is explains nothing.
        signals = [replace(each, role="target", why=SCORED) if each.is_scored else each for each in signals]
    return signals, left_out


def _reason_to_leave_out(field: Field) -> str:
    if not field.values:
        return "it never has a value in the sample"
    if _is_truth(field.name):
        return "it looks like ground truth, which must not reach the model"
    if is_vehicle_name(field.name) or is_id_name(field.name):
        return "it is an id"
    if not field.is_numeric:
        return f"text, such as {field.values[0]!r}"
    return ""


def _is_truth(name: str) -> bool:
    found = set(words(name))
    return bool(found & _TRUTH) or (bool(found & _FAULT) and found <= _FAULT | _BESIDE_FAULT)


def _signal(field: Field, name: str, place: str | None, vehicles: Sequence[str], header_unit: str) -> Signal:
    kind = kind_of(field)
    found = range_of(field, header_unit)
    what = place or (kind.name if kind else "")
    doubts = (found.unsure,) if found.unsure else ()
    if place:
        bound = 90.0 if place == "latitude" else 180.0
        found = Range("°", -bound, bound, found.why)
        doubts = ()
    if what in _NOT_SCORED and not (what in ("latitude", "longitude") and _is_no_angle(field)):
        unscored: Role = "position" if what in _POSITIONS else "ignored"
        return Signal(name, field.pointer, found, unscored, _NOT_SCORED[what], what, doubts)
    is_named, is_counter = _counts(field, vehicles, known=kind is not None)
    if is_counter:
        doubt = () if is_named else ('it only grows in the sample: role = "target" if it also falls',)
        unbounded, why = Range(found.unit, None, None, ""), "not scored: a counter that only grows"
        return Signal(name, field.pointer, unbounded, "ignored", why, "counter", doubt)
    if len(field.distinct) == 1 and len(field.values) > 1:
        always = f"always {field.values[0]!r} in the sample"
        if kind is None and not field.is_truth:
            doubt = (f'{always}: role = "target" if it changes in normal use',)
            why = "not scored: a constant says nothing"
            return Signal(name, field.pointer, found, "ignored", why, "constant", doubt)
        doubts, why = (*doubts, always), f"scored, although {always}"
    else:
        why = _CONTEXT if what in _CONTEXTS else SCORED
    role: Role = "context" if what in _CONTEXTS else "target"
    return Signal(name, field.pointer, found, role, why, what, doubts)


def _counts(field: Field, vehicles: Sequence[str], *, known: bool) -> tuple[bool, bool]:
    """Whether the name says that a field counts, and whether it is a counter by name or by its numbers."""
    grows, steps = _growth(field, vehicles)
    named = bool(_COUNTERS.search(field.words)) and not field.is_truth
    if named:
        return True, steps == 0 or grows >= 0.99 * steps
    # A sample may be a warm-up, in which temperatures only rise.
    by_shape = not known and field.is_whole and len(field.distinct) >= _MANY and grows == steps
    return False, by_shape


def _growth(field: Field, vehicles: Sequence[str]) -> tuple[int, int]:
    """In how many steps of a vehicle the field does not fall, of how many."""
    latest: dict[str, float] = {}
    grows = steps = 0
    for row, value in field.numbered:
        vehicle = vehicles[row]
        if vehicle in latest:
            steps += 1
            grows += value >= latest[vehicle]
        latest[vehicle] = value
    return grows, steps


def _places(fields: Sequence[Field]) -> dict[str, str]:
    """Pointer → "latitude" or "longitude" of positions that are written as arrays of two or three numbers."""
    by_pointer = {field.pointer: field for field in fields}
    places: dict[str, str] = {}
    for field in fields:
        tokens = tokens_of(field.pointer)
        if len(tokens) < 2 or tokens[-1] != "0" or not set(words(tokens[-2])) & _PLACES:
            continue
        second = by_pointer.get(field.pointer[:-1] + "1")
        if second is None or places:
            continue
        # GeoJSON (RFC 7946, 3.1.1) writes the longitude first.
        swapped = tokens[-2].lower() in ("coordinates", "lonlat") or abs(field.numbers).max() > 90.0
        first_is, second_is = ("longitude", "latitude") if swapped else ("latitude", "longitude")
        places = {field.pointer: first_is, second.pointer: second_is}
        if any(_is_no_angle(by_pointer[pointer]) for pointer in places):
            places = {}
    return places


def _is_no_angle(field: Field) -> bool:
    return bool((abs(field.numbers) > 180.0).mean() > 0.01)
