"""The lines of the proposed file that are no signals: topics, payload and page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dataflows.describe import topics
from dataflows.describe.layout import Layout
from dataflows.describe.roles import Signal
from dataflows.describe.sample import Sample
from dataflows.describe.times import TimeChoice
from dataflows.describe.vehicle import VehicleChoice

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


def topic_settings(
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


def payload_settings(
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


def page_settings(signals: Sequence[Signal]) -> list[Setting]:
    found: dict[str, str] = {}
    for signal in signals:
        if signal.kind in ("latitude", "longitude"):
            found.setdefault(signal.kind, signal.name)
    return [Setting("page", kind, name, "places the vehicle on the map") for kind, name in found.items()]
