"""Enriched events in words: what stands out, by how much, and what state the vehicle is in."""

from __future__ import annotations

from collections.abc import Mapping

from config.settings import SignalSettings
from dataflows.events import Enriched
from ui.formatting import duration, number, quantity
from ui.live.fleet_state import VehicleSnapshot

LEADING_SHARE = 0.15
"""A signal with a smaller share of the error does not explain it."""


def compare(name: str, value: float | None, expected: float, unit: str) -> str:
    """``engine_temperature 131 °C, expected 92.3 °C``, with enough digits to tell the two apart."""
    if value is None:
        return f"{name} missing, expected {quantity(expected, unit)}"
    digits = next((digits for digits in (3, 4, 5) if number(value, digits) != number(expected, digits)), 6)
    return f"{name} {quantity(value, unit, digits)}, expected {quantity(expected, unit, digits)}"


def ranked_shares(event: Enriched, signals: Mapping[str, SignalSettings]) -> list[tuple[str, float]]:
    """The signals that can be to blame and their shares of the error, the largest first.

    A context signal cannot; one that is not in the catalogue of this page can.
    """
    contexts = {name for name, signal in signals.items() if signal.role == "context"}
    shares = [(name, share) for name, share in event.contributions.items() if name not in contexts]
    return sorted(shares, key=lambda item: (-item[1], item[0]))


def leading_signals(event: Enriched, signals: Mapping[str, SignalSettings], limit: int = 2) -> list[str]:
    """The signals that contribute most to the error, the largest share first; no context signals."""
    return [name for name, share in ranked_shares(event, signals)[:limit] if share >= LEADING_SHARE]


def describe_anomaly(event: Enriched, signals: Mapping[str, SignalSettings]) -> str:
    """What stands out in an event, e.g. ``engine_temperature 131 °C, expected 92.3 °C``."""
    phrases = [
        compare(name, event.values.get(name), event.expected[name], unit_of(name, signals))
        for name in leading_signals(event, signals)
        if name in event.expected
    ]
    return "; ".join(phrases) or "no single signal stands out"


def describe_implausible(event: Enriched, signals: Mapping[str, SignalSettings]) -> str:
    """The signals outside their plausible range: ``rpm 12,000 1/min, plausible 0 to 9,000``."""
    phrases = []
    for name in event.implausible:
        value, unit = event.values.get(name), unit_of(name, signals)
        measured = "missing" if value is None else quantity(value, unit)
        phrases.append(f"{name} {measured}, plausible {plausible_range(signals.get(name))}")
    return "; ".join(phrases)


def describe_missing(event: Enriched, signals: Mapping[str, SignalSettings]) -> str:
    """The scored signals that were missing from an event: ``missing fuel, rpm``."""
    missing = [
        name for name, signal in signals.items() if signal.is_scored and event.values.get(name) is None
    ]
    # The dataflow may score other signals than this page's settings name.
    return f"missing {', '.join(missing)}" if missing else "missing a signal"


def describe_status(vehicle: VehicleSnapshot, now: float, stale_after: float) -> str:
    """The state of a vehicle; the most important one if there are several.

    ``silent 32 s``, ``anomaly``, ``late``, ``warming up``, ``partial``, ``implausible``, ``ok``.

    Args:
        vehicle: which one.
        now: seconds since the epoch.
        stale_after: seconds without an event after which a vehicle is silent.
    """
    event = vehicle.latest
    if vehicle.silent(now, stale_after):
        return f"silent {duration(now - vehicle.seen_at)}"
    if event.is_anomaly:
        return "anomaly"
    if vehicle.late:
        return "late"
    if event.status == "warming_up":
        return "warming up"
    if event.status == "partial":
        return "partial"
    return "implausible" if event.implausible else "ok"


def plausible_range(signal: SignalSettings | None) -> str:
    """``0 to 9,000``, ``at least 0``, ``at most 100``, or ``any``."""
    if signal is None or (signal.min is None and signal.max is None):
        return "any"
    if signal.min is None or signal.max is None:
        return (
            f"at most {number(signal.max)}"
            if signal.max is not None
            else f"at least {number(signal.min or 0.0)}"
        )
    return f"{number(signal.min)} to {number(signal.max)}"


def unit_of(name: str, signals: Mapping[str, SignalSettings]) -> str:
    """The unit of a signal; empty if the signal is not in the catalogue."""
    signal = signals.get(name)
    return signal.unit if signal else ""
