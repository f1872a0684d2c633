"""Finding the column of a table that holds the vehicle id, where the settings do not name it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataflows.backtest.sample import Sample
from dataflows.recordings import Column
from dataflows.recordings.names import word_set, words

VEHICLES = word_set(
    "vehicle veh vin device imei car truck lorry bus van asset tracker unit plate registration reg "
    "license licence fahrzeug kennzeichen matricula vehiculo vehicule"
)
JOURNEYS = word_set("trip journey ride session drive driver route lap file")
IDS = word_set("id ids uid uuid guid nr no num number name serial code key")
JOINED = frozenset(
    f"{what}{ending}" for what in VEHICLES | {"fleet"} for ending in ("id", "no", "nr", "number")
)
JOINED_JOURNEYS = frozenset(f"{what}{ending}" for what in JOURNEYS for ending in ("id", "no", "nr", "number"))

ROWS_OF_A_VEHICLE = 3
"""On average a vehicle has at least this many rows, or the column is no id of one."""


@dataclass(frozen=True, slots=True)
class VehicleColumn:
    """A column that tells vehicles, or journeys, apart.

    Attributes:
        column: which.
        certain: whether its name and its values leave no doubt that these are vehicles.
        values: how many different ones the sample holds.
        before: rows of the sample whose time repeats or goes back.
        after: the same if each value is a vehicle of its own.
    """

    column: Column
    certain: bool
    values: int
    before: int
    after: int

    def warning(self) -> str:
        """What to tell the user."""
        name, setting = self.column.name, f'[payload] vehicle_id = "{self.column.pointer}"'
        times = f"times go back or repeat in {self.before:,} rows, within one of its values in {self.after:,}"
        if self.certain:
            return (
                f"column {name!r} is taken for the vehicle id ({self.values:,} values; {times}); "
                f"{setting} says so to the job"
            )
        return (
            f"column {name!r} looks like an id ({self.values:,} values; {times}); "
            f"{setting} makes a vehicle of each"
        )


def is_id(name: str) -> bool:
    """Whether a column of this name holds ids of whatever kind, e.g. "tripID" or "VIN"."""
    said = words(name)
    joined = "".join(said)
    whole = {"vin", "imei", "imsi", "iccid", "uuid", "guid", "serial", "kennzeichen"}
    return (
        "id" in said[-1:]
        or bool(set(said) & whole)
        or joined in JOINED | JOINED_JOURNEYS | {"userid", "messageid", "eventid", "recordid"}
        or (bool(set(said) & (VEHICLES | JOURNEYS)) and bool(set(said[-1:]) & IDS))
    )


def find_vehicle_column(columns: dict[str, Column], sample: Sample) -> VehicleColumn | None:
    """The column that tells vehicles apart, if there is one.

    Args:
        columns: those of the table, by name, without the time.
        sample: its first rows.
    """
    found = [
        vehicle
        for name, column in columns.items()
        for vehicle in [_assess(column, sample.values[name], sample, _tells(name))]
        if vehicle is not None
    ]
    return min(found, key=lambda vehicle: (not vehicle.certain, vehicle.after), default=None)


def _tells(name: str) -> str:
    """What the values of a column of this name stand for: "vehicle", "other", or "" for no ids."""
    said = set(words(name))
    if "".join(words(name)) in JOINED or (said & VEHICLES and said <= VEHICLES | IDS):
        return "vehicle"
    return "other" if is_id(name) or said == {"id"} else ""


def _assess(column: Column, values: Sequence[Any], sample: Sample, tells: str) -> VehicleColumn | None:
    if not tells:
        return None
    ids = [value for value in values if isinstance(value, str | int) and not isinstance(value, bool)]
    different = len(set(ids))
    complete = len(ids) == len(values)
    if different > max(1, len(values) // ROWS_OF_A_VEHICLE) or (different < 2 and sample.whole) or not ids:
        return None
    before = _repeated(sample.arrived, ["" for _ in values])
    after = _repeated(sample.arrived, values)
    certain = tells == "vehicle" and complete
    if not certain and after >= before:
        return None
    return VehicleColumn(column, certain, different, before, after)


def _repeated(arrived: NDArray[np.int64], ids: Sequence[Any]) -> int:
    """Number of rows that are not later than the latest before them with the same id."""
    latest: dict[Any, int] = {}
    count = 0
    for identifier, time in zip(ids, arrived.tolist(), strict=True):
        before = latest.get(identifier)
        if before is not None and time <= before:
            count += 1
        else:
            latest[identifier] = time
    return count
