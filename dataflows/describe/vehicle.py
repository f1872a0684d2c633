"""Which vehicle an event is of: a field called so, the key of a map or message, or a level of the topic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dataflows.describe.names import words
from dataflows.describe.shape import Field

_VEHICLES = frozenset(
    {
        "vehicle", "vehicles", "vin", "imei", "ident", "device", "car", "truck", "bus", "van", "plate",
        "asset", "tracker", "unit", "thing", "machine", "fahrzeug", "kennzeichen", "imsi", "terminal",
        "veh", "train", "tractor", "bike", "scooter", "dongle",
    }
)  # fmt: skip
_NUMBERING = frozenset(
    {
        "id", "no", "nr", "num", "number", "name", "reg", "key", "uuid", "code", "ref", "identifier",
        "registration", "licence", "license", "plate", "serial", "uid", "sn", "label", "tag",
    }
)  # fmt: skip
_WEAK = frozenset(
    {
        "id",
        "uuid",
        "uid",
        "serial",
        "name",
        "client",
        "source",
        "sender",
        "entity",
        "node",
        "key",
        "sn",
        "object",
    }
)

LONGEST_ID = 256
"""Characters; the decoder accepts no longer ones."""


@dataclass(frozen=True, slots=True)
class VehicleChoice:
    """Where the id of the vehicle is.

    Attributes:
        where: a JSON pointer, "topic" or "key".
        of_each: the vehicle of each record, as far as it is known.
        why: what speaks for it.
        unsure: what could be otherwise.
    """

    where: str
    of_each: list[str]
    why: str
    unsure: list[str] = field(default_factory=list)


def is_vehicle_name(name: str) -> bool:
    """Whether a field of this name surely holds ids of vehicles: "VIN", "car_reg_no"; not "vehicle_speed"."""
    found = set(words(name)) - {"the", "my"}
    return bool(found & _VEHICLES) and found <= _VEHICLES | _NUMBERING and found != {"unit"}


def is_id_name(name: str) -> bool:
    """Whether a field of this name holds an id of anything: "trip_id", "uuid", "driverId"."""
    found = words(name)
    return bool(found) and (
        found[-1] in {"id", "ids", "uuid", "uid", "guid", "hash", "vin", "imei", "serial"}
    )


def choose_vehicle(
    fields: Mapping[str, Field],
    outside: Mapping[str, Field],
    rows: int,
    keys: Sequence[str] | None,
    message_keys: Sequence[str],
    topic_ids: Sequence[str] | None,
) -> VehicleChoice:
    """Find the vehicle id.

    Args:
        fields: of the records.
        outside: of the envelope around them.
        rows: number of records, n.
        keys: n keys of the map, if they are those of vehicles.
        message_keys: n keys of the messages (Kafka).
        topic_ids: n ids in the topic, if a level of it may name the vehicle.
    """
    places = [(found, fields) for found in fields.values()]
    places += [(found, outside) for found in outside.values() if found.pointer not in fields]
    ranked = [(_points(found, rows), found) for found, _ in places]
    ranked = [(points, found) for points, found in ranked if points > 0]
    points, best = max(ranked, key=lambda item: item[0], default=(0.0, None))
    if best is not None and points >= 2.0:
        return _in_field(best, rows, ranked)
    if keys is not None:
        return VehicleChoice("key", list(keys), f"the key of the map, such as {keys[0]!r}")
    if topic_ids is not None and len(set(topic_ids)) > 1:
        return VehicleChoice(
            "topic", list(topic_ids), f"a level of the topic names {_counted(set(topic_ids))}"
        )
    if best is not None:
        return _in_field(best, rows, ranked)
    if all(message_keys) and message_keys:
        return VehicleChoice(
            "key", list(message_keys), f"the key of the message, such as {message_keys[0]!r}"
        )
    if topic_ids is not None:
        return VehicleChoice("topic", list(topic_ids), f"the topic names it: {topic_ids[0]!r}")
    return VehicleChoice(
        "topic",
        [""] * rows,
        "no field names the vehicle: all events are of one, called after the last level of the topic (of a "
        "file: its name)",
    )


def _in_field(best: Field, rows: int, ranked: list[tuple[float, Field]]) -> VehicleChoice:
    of_each = [""] * rows
    for row, value in zip(best.rows, best.values, strict=True):
        of_each[row] = str(value)
    doubts = []
    if len(best.distinct) > 0.5 * rows > 10:
        doubts.append(f"{best.pointer} has {len(best.distinct):,} different values: does it name vehicles?")
    if best.occurrences < rows or len(best.values) < best.occurrences:
        doubts.append(
            f"{rows - len(best.values):,} of {rows:,} events have no {best.pointer}: they become dead letters"
        )
    rivals = [found.pointer for points, found in ranked if found is not best and points >= 2.0]
    if rivals:
        doubts.append(f"the vehicle may also be named by {' or '.join(rivals)}")
    return VehicleChoice(best.pointer, of_each, f"names {_counted(best.distinct)}", doubts)


def _points(field: Field, rows: int) -> float:
    """How much speaks for a field; 0 if it cannot hold the ids of vehicles."""
    name = words(field.name)
    is_strong = is_vehicle_name(field.name)
    if not field.values or not (is_strong or (name and set(name) <= _WEAK)):
        return 0.0
    is_id = all(isinstance(value, str | int) and not isinstance(value, bool) for value in field.values)
    if not is_id or len(field.values) < 0.9 * rows:
        return 0.0
    if not all(text.isprintable() and len(text) <= LONGEST_ID for text in field.distinct):
        return 0.0
    is_unique = len(field.distinct) > 0.8 * rows > 16
    if not is_strong:
        return 0.0 if is_unique else 1.0
    prefers = 0.3 * ("vehicle" in name or "vin" in name) + 0.2 * ("id" in name or "imei" in name)
    # A name or plate may change hands; a type does not name a vehicle.
    return 2.0 + prefers - 0.5 * ("name" in name or "label" in name) - 1.5 * is_unique


def _counted(ids: set[str]) -> str:
    first = min(ids, key=lambda text: (len(text), text))
    return f"one vehicle, {first!r}" if len(ids) == 1 else f"{len(ids):,} vehicles, such as {first!r}"
