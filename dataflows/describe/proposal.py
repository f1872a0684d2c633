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
from dataflows.describe.shape import Field, collect
from dataflows.describe.times import TimeChoice, choose_time
from dataflows.describe.vehicle import VehicleChoice, choose_vehicle

MOST_NAMED = 6
"""Fields that an error names."""

Value = str | bool | int | float | list[str]


@dataclass(frozen=True, slots=True)
class Setting:
    """One line of the file.

    Attributes:
        section, key: what is set.
        value: to what.
        why: the comment at its end.
        unsure: the comments above it.
    """

    section: str
    key: str
    value: Value
    why: str
    unsure: tuple[str, ...] = ()


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
    if not any(signal.scored for signal in signals):
        some = ", ".join(map(repr, list(fields)[:MOST_NAMED])) or "no fields"
        raise RecordingError(
            f"{sample.name}: expected at least one number that is no id, time, position, counter or constant, "
            f"got {some}; nothing can be scored"
        )
    settings = [
        *broker,
        *_topic_settings(sample, layout, vehicle, levels),
        *_payload_settings(layout, vehicle, time, sequence, decimal),
        *_page_settings(signals),
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


def _topic_settings(
    sample: Sample, layout: Layout, vehicle: VehicleChoice, levels: tuple[int | None, int | None]
) -> list[Setting]:
    if not sample.has_topics or sample.is_table:
        return []
    if sample.is_from_kafka:
        kinds = [] if sample.source == "kafka" else _kafka_settings()
        return [
            *kinds,
            Setting("topics", "telemetry", sample.topics[0], "the topic of the sample"),
            Setting("topics", "enriched", "fleet.enriched", "scored events"),
            Setting("topics", "dead_letter", "fleet.dead-letter", "what cannot be decoded"),
            Setting("topics", "ground_truth", "fleet.ground-truth", "only the simulator uses it"),
        ]
    named_vehicle = levels[0] if vehicle.where == "topic" else None
    doubts: tuple[str, ...] = ()
    if vehicle.where == "topic" and named_vehicle is None:
        named_vehicle = topics.usual_depth(sample.topics) - 1
    subscribed = sample.name if sample.source == "mqtt" else None
    template, uncovered = topics.template(sample.topics, subscribed, named_vehicle, levels[1])
    if uncovered:
        doubts = (
            f"{uncovered:,} of {len(sample):,} messages came on topics of another depth, which are not read",
        )
    different = len(set(sample.topics))
    seen = "the one topic of the sample" if different == 1 else f"{different:,} topics in the sample"
    return [Setting("topics", "telemetry", template, seen, doubts)]


def _kafka_settings() -> list[Setting]:
    return [
        Setting("source", "kind", "kafka", "the messages have keys, as only those of Kafka do"),
        Setting("sink", "kind", "kafka", "where scored events go"),
    ]


def _payload_settings(
    layout: Layout, vehicle: VehicleChoice, time: TimeChoice, sequence: str, decimal: str
) -> list[Setting]:
    def setting(key: str, value: Value, why: str, unsure: Sequence[str] = ()) -> Setting:
        return Setting("payload", key, value, why, tuple(unsure))

    settings = []
    if layout.envelope:
        settings.append(setting("records", layout.envelope, layout.why))
    else:
        settings.append(setting("layout", layout.kind, layout.why))
    settings.append(setting("vehicle_id", vehicle.where, vehicle.why, vehicle.unsure))
    where: Value = time.pointers[0] if len(time.pointers) == 1 else list(time.pointers)
    settings.append(setting("time", where if time.pointers else "", time.why, time.unsure))
    if time.format is not None:
        settings.append(setting("time_format", time.format.name, "it fits the values of the sample"))
        if not time.format.has_zone:
            settings.append(setting("time_zone", "UTC", "assumed: the times have none"))
    why = "tells events of one time apart" if sequence else "no field counts the events"
    settings.append(setting("sequence", sequence, why))
    if layout.signal:
        settings.append(setting("signal", layout.signal, "names the signal of a record"))
    if layout.value:
        settings.append(setting("value", layout.value, "holds its value"))
    if decimal == ",":
        settings.append(setting("decimal", decimal, "texts hold numbers such as 12,5"))
    return settings


def _page_settings(signals: Sequence[Signal]) -> list[Setting]:
    found: dict[str, str] = {}
    for signal in signals:
        if signal.kind in ("latitude", "longitude"):
            found.setdefault(signal.kind, signal.name)
    return [Setting("page", kind, name, "places the vehicle on the map") for kind, name in found.items()]


def _seen(sample: Sample, layout: Layout, vehicle: VehicleChoice) -> list[str]:
    what = "rows" if sample.is_table else "messages"
    part = "" if sample.complete else ", the first of more"
    lines = [f"{len(sample):,} {what} of {sample.name}{part}", layout.why]
    if sample.time_column is not None:
        lines.append(f"column {sample.time_column!r} is when rows arrive")
    if layout.unfit:
        lines.append(
            f"{layout.unfit:,} of {len(sample):,} {what} are something else, and become dead letters"
        )
    vehicles = len(set(vehicle.of_each))
    lines.append(f"{len(layout.rows):,} records of {vehicles:,} vehicle{'s' * (vehicles != 1)}")
    return lines


def _general_doubts(sample: Sample, layout: Layout, time: TimeChoice) -> list[str]:
    doubts = []
    if sample.source == "file" and not sample.has_topics and not sample.is_table:
        doubts.append(
            "the file does not say on which topic the messages come: to read them live, set [topics] telemetry, "
            "such as 'cars/{vehicle}/telemetry'"
        )
    if not time.pointers and not sample.has_arrivals:
        doubts.append("neither the messages nor the file say when: events are taken as one second apart")
    if len(layout.rows) < 100:
        doubts.append(f"{len(layout.rows):,} records are few: look at more before you rely on this")
    return doubts
