"""The state of a vehicle in words: how it is, why, and what is wrong with each signal."""

from __future__ import annotations

from config.settings import Settings, SignalSettings
from dataflows.events import Enriched
from ui.descriptions import (
    compare,
    describe_implausible,
    describe_missing,
    describe_status,
    leading_signals,
    unit_of,
)
from ui.formatting import number, quantity
from ui.live.fleet_state import VehicleSnapshot


def state_at(event: Enriched) -> str:
    """The state of a vehicle when it sent an event; see `ui.descriptions.describe_status`."""
    then = event.ts.timestamp()
    return describe_status(VehicleSnapshot(event, then, event.status == "late", ()), then, 1.0)


def why(event: Enriched, settings: Settings) -> str:
    """One sentence: what stands out in an event, or that nothing does."""
    if event.is_anomaly:
        phrases = [
            compare(name, event.values.get(name), event.expected[name], unit_of(name, settings.signals))
            for name in leading_signals(event, settings.signals)
            if name in event.expected
        ]
        if phrases:
            return f"{'; '.join(phrases)}."
        return "The event as a whole is unusual; no single signal stands out."
    if event.status == "warming_up":
        return (
            "It is not judged yet: the detector first learns what is normal here, from at least "
            f"{settings.detector.start_up:,} events."
        )
    if event.status == "late":
        return "The event came late: it was judged, and nothing was learned from it."
    if event.implausible:
        return f"Outside the plausible range: {describe_implausible(event, settings.signals)}."
    if event.status == "partial":
        return f"{describe_missing(event, settings.signals).capitalize()}."
    outside = [
        f"{name} {quantity(value, signal.unit)} is {remark}"
        for name, signal in settings.signals.items()
        if (value := event.values.get(name)) is not None and (remark := beyond(value, signal))
    ]
    return f"{'; '.join(outside)}." if outside else "Nothing stands out: every signal is about as expected."


def remark_on(name: str, event: Enriched, settings: Settings) -> str:
    """What is wrong with a signal in an event, the worst first; empty if nothing is."""
    signal, value = settings.signals[name], event.values.get(name)
    if value is None:
        return "missing" if signal.is_scored else ""
    if name in event.implausible:
        return "not plausible"
    if remark := beyond(value, signal):
        return remark
    expected = event.expected.get(name)
    if event.is_anomaly and expected is not None and name in leading_signals(event, settings.signals):
        if value == expected:
            return "unusual"
        return "higher than expected" if value > expected else "lower than expected"
    return ""


def beyond(value: float, signal: SignalSettings) -> str:
    """``above its limit 115``; empty if the value is within the alarm limits."""
    if signal.high is not None and value > signal.high:
        return f"above its limit {number(signal.high)}"
    if signal.low is not None and value < signal.low:
        return f"below its limit {number(signal.low)}"
    return ""


def expectation(name: str, event: Enriched, settings: Settings) -> str:
    """What was expected of a signal: ``88 to 97``, or ``92`` without a band; empty if that says nothing.

    It says nothing of a signal that does not stand out in an anomaly: the model explains it by those that do.
    """
    signal, expected, half = settings.signals[name], event.expected.get(name), event.band.get(name)
    if expected is None or signal.role != "target":
        return ""
    if event.is_anomaly and name not in leading_signals(event, settings.signals):
        return ""
    if half is None:
        return number(expected)
    low = expected - half if signal.min is None else max(expected - half, signal.min)
    high = expected + half if signal.max is None else min(expected + half, signal.max)
    return number(low) if low >= high else f"{number(low)} to {number(high)}"


def limits_of(signal: SignalSettings) -> str:
    """``at most 115``, ``at least 11.5``, ``11.5 to 15``; empty without alarm limits."""
    if signal.low is None:
        return "" if signal.high is None else f"at most {number(signal.high)}"
    return f"at least {number(signal.low)}" if signal.high is None else (
        f"{number(signal.low)} to {number(signal.high)}"
    )  # fmt: skip
