"""What signals of vehicles usually are: their units and the ranges in which values are plausible.

The ranges are generous: a value outside is broken, not just rare. Those of OBD-II quantities are what their
encoding can express (SAE J1979), rounded, or what a road vehicle can reach.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Usual:
    """A kind of signal.

    Attributes:
        name: what it is called.
        unit: its usual unit; empty for a pure number.
        min, max: plausible range in that unit.
    """

    name: str
    unit: str
    min: float
    max: float


_TABLE: list[tuple[str, Usual]] = [
    (r"speed limit|limit speed|max speed|maxspeed", Usual("speed limit", "km/h", 0.0, 200.0)),
    (r"fan speed|wind speed|turbo speed", Usual("other speed", "", 0.0, 1e6)),
    (r"(engine|motor) speed|rpm|revs|drehzahl|motordrehzahl", Usual("engine speed", "1/min", 0.0, 9000.0)),
    (r"speed|velocity|geschwindigkeit|vitesse", Usual("speed", "km/h", 0.0, 250.0)),
    (r"accel(eration|erometer)?( [xyz])?$|beschleunigung", Usual("acceleration", "m/s²", -15.0, 15.0)),
    (r"fuel trim|stft|ltft", Usual("fuel trim", "%", -100.0, 100.0)),
    (r"timing advance|ignition timing", Usual("timing advance", "°", -64.0, 64.0)),
    (r"thrott?le|pedal|drosselklappe|brake pos|accel ped", Usual("throttle or pedal", "%", 0.0, 100.0)),
    (r"(engine |calculated )?load( value)?$|load abs", Usual("load", "%", 0.0, 100.0)),
    (r"cataly|exhaust|egt", Usual("exhaust temperature", "°C", -40.0, 1200.0)),
    (r"oil.*temp|öltemp", Usual("oil temperature", "°C", -40.0, 200.0)),
    (r"coolant|engine temp|k.hlmittel|water temp|ect$", Usual("coolant temperature", "°C", -40.0, 150.0)),
    (r"ambient|outside|outdoor|außen", Usual("ambient temperature", "°C", -50.0, 70.0)),
    (r"temp(erature)?s?( \d+)?( [cf])?$|temperatur|^iat$", Usual("temperature", "°C", -40.0, 150.0)),
    (r"tyre.*press|tire.*press", Usual("tyre pressure", "bar", 0.0, 15.0)),
    (r"manifold.*press|^map$|boost press", Usual("manifold pressure", "kPa", 0.0, 400.0)),
    (r"baro|atmospher", Usual("air pressure", "kPa", 50.0, 120.0)),
    (r"\bmaf\b|air flow|mass flow", Usual("air flow", "g/s", 0.0, 700.0)),
    (r"battery volt|volt(age)?|bordspannung", Usual("voltage", "V", 0.0, 1000.0)),
    (r"battery|soc$|state of charge|charge level", Usual("battery", "%", 0.0, 100.0)),
    (r"fuel (level|tank)|fuel$|tank level|kraftstoff|^fuel pct$", Usual("fuel level", "%", 0.0, 100.0)),
    (r"humidity", Usual("humidity", "%", 0.0, 100.0)),
    (r"lambda|equiv", Usual("air-fuel ratio", "", 0.0, 4.0)),
    (r"\bgear\b|\bgang\b", Usual("gear", "", -2.0, 18.0)),
    (r"percent|\bpct\b", Usual("percentage", "%", 0.0, 100.0)),
    (r"latitude|\blat\b", Usual("latitude", "°", -90.0, 90.0)),
    (r"longitude|\blon\b|\blng\b|\blong\b", Usual("longitude", "°", -180.0, 180.0)),
    (r"heading|bearing|course|\bcog\b|azimuth|direction", Usual("heading", "°", 0.0, 360.0)),
    (r"altitude|elevation|\balt\b", Usual("altitude", "m", -500.0, 9000.0)),
]

_LEAD_ACID = ((9.0, 16.5, 6.0, 16.0), (17.0, 33.0, 12.0, 32.0))
"""Of 12 V and 24 V systems: between which volts the sample lies, and what is plausible."""

_UNITS = {
    "kmh": "km/h", "kph": "km/h", "kmph": "km/h", "km/h": "km/h", "km/hr": "km/h", "mph": "mph",
    "m/s": "m/s", "mps": "m/s", "meters/second": "m/s", "c": "°C", "°c": "°C", "*c": "°C", "degc": "°C",
    "celsius": "°C", "℃": "°C", "f": "°F", "°f": "°F", "*f": "°F", "degf": "°F", "fahrenheit": "°F",
    "rpm": "1/min", "1/min": "1/min", "u/min": "1/min", "pct": "%", "percent": "%", "perc": "%", "%": "%",
    "v": "V", "volt": "V", "volts": "V", "mv": "mV", "a": "A", "amps": "A", "ma": "mA", "kw": "kW",
    "w": "W", "kwh": "kWh", "kpa": "kPa", "hpa": "hPa", "mbar": "mbar", "bar": "bar", "psi": "psi",
    "km": "km", "m": "m", "mi": "mi", "miles": "mi", "l": "l", "deg": "°", "°": "°", "g/s": "g/s",
    "nm": "Nm", "l/h": "l/h", "hz": "Hz", "s": "s", "ms": "ms", "kg": "kg",
}  # fmt: skip
_IN_NAMES = frozenset(
    {
        "kmh", "kph", "kmph", "mph", "mps", "celsius", "degc", "fahrenheit", "degf", "pct", "percent",
        "volts", "volt", "mv", "kw", "kwh", "kpa", "hpa", "mbar", "bar", "psi", "km", "deg", "nm", "amps",
        "rpm", "hz",
    }
)  # fmt: skip
"""Words at the end of a name that are its unit whatever stands before them."""

_TO: dict[tuple[str, str], tuple[float, float]] = {
    ("km/h", "mph"): (1 / 1.609344, 0.0),
    ("km/h", "m/s"): (1 / 3.6, 0.0),
    ("°C", "°F"): (1.8, 32.0),
    ("kPa", "bar"): (0.01, 0.0),
    ("kPa", "mbar"): (10.0, 0.0),
    ("kPa", "hPa"): (10.0, 0.0),
    ("kPa", "psi"): (0.1450377, 0.0),
    ("bar", "kPa"): (100.0, 0.0),
    ("bar", "psi"): (14.50377, 0.0),
    ("V", "mV"): (1000.0, 0.0),
}


def usual(words: str) -> Usual | None:
    """The kind of signal that the words of a name mean, if it is in the table.

    Args:
        words: all words of the pointer to it in lower case; the last ones say most.
    """
    return next((kind for pattern, kind in _TABLE if re.search(pattern, words)), None)


def clean_unit(text: str) -> str:
    """A unit as it is usually written: "kmh" → "km/h"; an unknown one unchanged."""
    return _UNITS.get(text.strip().lower(), text.strip().strip("-"))


def unit_in_name(words: tuple[str, ...]) -> str:
    """The unit that ends a name: "speed_kmh", "coolant_temp_c"; empty without one."""
    if len(words) < 2:
        return ""
    last, before = words[-1], words[:-1]
    if words[-2:] == ("km", "h"):
        return "km/h"
    if words[-2:] in (("deg", "c"), ("deg", "f")):
        return f"°{last.upper()}"
    if last in _IN_NAMES:
        return _UNITS.get(last, last)
    if last in ("c", "f") and any(word.startswith("temp") or word in ("coolant", "oil") for word in before):
        return f"°{last.upper()}"
    if last == "v" and any(word in ("voltage", "battery", "batt", "module") for word in before):
        return "V"
    return ""


def in_unit(kind: Usual, unit: str) -> tuple[float, float] | None:
    """The usual range in another unit; ``None`` if it cannot be converted."""
    if unit == kind.unit:
        return kind.min, kind.max
    if (kind.unit, unit) not in _TO:
        return None
    factor, offset = _TO[kind.unit, unit]
    return float(np.round(kind.min * factor + offset)), float(np.round(kind.max * factor + offset))


def of_battery(kind: Usual, numbers: NDArray[np.float64]) -> Usual:
    """A battery is given in volts or per cent, and voltages differ by system: decided by the numbers."""
    low, high = np.percentile(numbers, [5, 95])
    for least, most, lowest, highest in _LEAD_ACID:
        spread_is_small = high - low < 0.35 * most
        if least <= low and high <= most and spread_is_small and (kind.unit == "V" or not _whole(numbers)):
            return Usual("battery voltage", "V", lowest, highest)
    return kind


def _whole(numbers: NDArray[np.float64]) -> bool:
    return bool(np.all(numbers == np.rint(numbers)))
