"""The proposal: settings for a sample, each with the reason for it and what it is unsure of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from config.errors import RecordingError
from dataflows.describe import topics
from dataflows.describe.layout import Layout, find_layout
from dataflows.describe.names import readable
from dataflows.describe.numbers import decimal_mark
from dataflows.describe.roles import LeftOut, Signal, choose_signals
from dataflows.describe.sample import Sample
from dataflows.describe.sequence import find_sequence
from dataflows.describe.settings_lines import Setting, page_settings, payload_settings, topic_settings
from dataflows.describe.shape import Field, collect
from dataflows.describe.times import TimeChoice, choose_time
from dataflows.describe.vehicle import VehicleChoice, choose_vehicle

MOST_NAMED = 6
"""Fields that an error names."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """Settings for a sample.

    Attributes:
        name: of the sample.
        seen: what the sample is, in lines for people.
        settings: all but the signals, in the order of the file.
        signals: the catalogue.
        left_out: fields that are not read.
        unsure: what could be otherwise, in general.
    """

    name: str
    seen: list[str]
    settings: list[Setting]
    signals: list[Signal]
    left_out: list[LeftOut]
    unsure: list[str]

    @property
    def doubts(self) -> list[str]:
        """All that it is unsure of, with the setting it is about."""
        about = [f"{each.section}.{each.key}: {doubt}" for each in self.settings for doubt in each.unsure]
        about += [f"signals.{each.name}: {doubt}" for each in self.signals for doubt in each.unsure]
        assumed = [f"{each.name} ({each.range.unit})" for each in self.signals if each.range.assumed]
        if assumed:
            about.append(f"no unit is given for {', '.join(assumed)}: the usual one is assumed")
        return [*self.unsure, *about]


def propose(sample: Sample, broker: Sequence[Setting] = ()) -> Proposal:
    """Look at a sample and propose the settings that read it.

    Args:
        sample: at least one message.
        broker: settings of the broker that the sample came from, to be repeated in the file.

    Raises:
        RecordingError: there is nothing in it that can be an event, or no number to score.
    """
    layout = find_layout(sample)
    scalars = (
        value for record in layout.rows for value in (*record.fields.values(), *record.outside.values())
    )
    decimal = decimal_mark(scalars)
    fields = collect((record.fields for record in layout.rows), decimal)
    outside = collect((record.outside for record in layout.rows), decimal)
    levels = _levels(sample, layout)
    vehicle = _vehicle(sample, layout, fields, outside, levels[0])
    units = {**(sample.units or {}), **_units_beside(layout)}
    time = _time(layout, fields, outside, vehicle.of_each, units)
    sequence = find_sequence({**outside, **fields}, vehicle.of_each)
    reserved = dict.fromkeys(time.others, "another time")
    reserved |= dict.fromkeys(time.pointers, "the time")
    reserved |= {vehicle.where: "the vehicle", sequence: "the sequence"}
    reserved |= {pointer: "the unit" for pointer in fields if readable(pointer) in ("unit", "units")}
    signals, left_out = choose_signals(fields, reserved, vehicle.of_each, units)
    if not any(signal.is_scored for signal in signals):
        some = ", ".join(map(repr, list(fields)[:MOST_NAMED])) or "no fields"
        raise RecordingError(
            f"{sample.name}: expected at least one number that is no id, time, position, counter or "
            f"constant, got {some}; nothing can be scored"
        )
    settings = [
        *broker,
        *topic_settings(sample, layout, vehicle, levels),
        *payload_settings(layout, vehicle, time, sequence, decimal),
        *page_settings(signals),
    ]
    left_out = [each for each in left_out if each.pointer not in (vehicle.where, sequence, *time.pointers)]
    return Proposal(
        sample.name,
        _seen(sample, layout, vehicle),
        settings,
        signals,
        left_out,
        [*layout.unsure, *_general_doubts(sample, layout, time)],
    )


def _levels(sample: Sample, layout: Layout) -> tuple[int | None, int | None]:
    """Levels of the topic that may name the vehicle, and that names the signal."""
    if not sample.has_topics or sample.is_from_kafka:
        return None, None
    signal = topics.signal_level(sample.topics) if layout.one_per_topic else None
    vehicle = topics.vehicle_level(sample.topics, signal)
    if vehicle is None and signal:
        vehicle = signal - 1
    return vehicle, signal


def _vehicle(
    sample: Sample,
    layout: Layout,
    fields: Mapping[str, Field],
    outside: Mapping[str, Field],
    level: int | None,
) -> VehicleChoice:
    rows = layout.rows
    ids = None
    if level is not None:
        ids = [topics.level_of(sample.topics[record.message], level) for record in rows]
    return choose_vehicle(
        {} if layout.one_per_topic else fields,
        outside,
        len(rows),
        [record.key for record in rows] if layout.key == "vehicle" else None,
        [sample.keys[record.message] for record in rows],
        ids,
    )


def _time(
    layout: Layout,
    fields: Mapping[str, Field],
    outside: Mapping[str, Field],
    vehicles: list[str],
    units: Mapping[str, str],
) -> TimeChoice:
    if layout.kind == "series":
        inside = {pointer: field for pointer, field in fields.items() if pointer == layout.time}
        return (
            choose_time(_renamed(inside), {}, vehicles)
            if layout.time == "/0"
            else choose_time(inside, {}, vehicles)
        )
    if layout.key != "time":
        return choose_time(fields, outside, vehicles, units)
    keys = Field("/time", list(range(len(layout.rows))), [record.key for record in layout.rows])
    found = choose_time({"/time": keys}, {}, vehicles)
    return replace(
        found, pointers=("key",), from_key=True, why=f"the key of the map, such as {layout.rows[0].key!r}"
    )


def _renamed(fields: Mapping[str, Field]) -> dict[str, Field]:
    """The first of a pair, under the name of a time."""
    renamed = {}
    for pointer, field in fields.items():
        copy = Field(pointer, field.rows, field.values)
        copy.name = "time"
        renamed[pointer] = copy
    return renamed


def _units_beside(layout: Layout) -> dict[str, str]:
    """Units that stand beside the name and the value of a signal."""
    if not layout.signal:
        return {}
    units: dict[str, str] = {}
    for record in layout.rows:
        unit = next(
            (value for pointer, value in record.fields.items() if readable(pointer) in ("unit", "units")),
            None,
        )
        if isinstance(unit, str):
            units |= {pointer: unit for pointer in record.fields if pointer not in units}
    return units


def _seen(sample: Sample, layout: Layout, vehicle: VehicleChoice) -> list[str]:
    what = "rows" if sample.is_table else "messages"
    part = "" if sample.complete else ", the first of more"
    lines = [f"{len(sample):,} {what} of {sample.name}{part}", layout.why]
    if sample.time_columns:
        lines.append(f"rows arrive at the time of {' and '.join(map(repr, sample.time_columns))}")
    if layout.unfit:
        lines.append(
            f"{layout.unfit:,} of {len(sample):,} {what} are something else, and become dead letters"
        )
    vehicles = len(set(vehicle.of_each))
    lines.append(f"{len(layout.rows):,} records of {vehicles:,} vehicle{'s' * (vehicles != 1)}")
    return lines


def _general_doubts(sample: Sample, layout: Layout, time: TimeChoice) -> list[str]:
    doubts = list(sample.warnings)
    if sample.source == "file" and not sample.has_topics and not sample.is_table:
        doubts.append(
            "the file does not say on which topic the messages come: to read them live, set [topics] "
            "telemetry, such as 'cars/{vehicle}/telemetry'"
        )
    if not time.pointers and not sample.has_arrivals:
        doubts.append("neither the messages nor the file say when: events are taken as one second apart")
    if len(layout.rows) < 100:
        doubts.append(f"{len(layout.rows):,} records are few: look at more before you rely on this")
    return doubts
