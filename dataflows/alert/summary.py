"""One sentence about an alert, in words that a dispatcher understands."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime

from config.settings import SignalSettings
from dataflows.events import AlertKind, AlertSignal

ROUND_AT = 100
"""Values of this size and above are written without decimals."""

MOST_DECIMALS = 10
"""Of a value: with fewer than these it is tried to tell it from its limit."""

MOST_UNUSUAL = math.log(1e9)
"""Nats: beyond this, the tail of a distribution says nothing about how rare something is."""

YOUNG = 3600.0
"""Seconds of a vehicle's data up to which the model is said to be young."""


def summary(
    kind: AlertKind,
    subject: str,
    signals: tuple[AlertSignal, ...],
    catalogue: Mapping[str, SignalSettings],
    *,
    onset: datetime,
    stuck: bool = False,
    nats: float = 0.0,
    known_for: float = math.inf,
) -> str:
    """The sentence.

    Args:
        kind: of the alert.
        subject: of the alert.
        signals: of the alert, the one that leads first.
        catalogue: the signals and their units.
        onset: when it began, UTC.
        stuck: whether the signal keeps its value though it usually moves.
        nats: minus the natural logarithm of how often a normal event is as unusual.
        known_for: seconds of data that the model has seen of the fleet.
    """
    # Not as %H:%M:%S, which takes ten times as long: in a storm, thousands of alerts open at once.
    since = f"since {onset.hour:02}:{onset.minute:02}:{onset.second:02} UTC"
    if kind == "silent":
        who = "Nobody in the fleet sends data" if subject == "fleet" else "No data"
        return f"{who} {since}"
    name = subject.replace("_", " ")
    if kind == "missing":
        return f"{_capital(name)} is missing {since}, though this vehicle usually sends it"
    unit = catalogue[subject].unit if subject in catalogue else ""
    lead = signals[0] if signals else AlertSignal(name=subject, actual=None, typical=None, share=1.0)
    if kind == "limit":
        side = "above" if _is_above(lead) else "below"
        limit = "" if lead.typical is None else f" of {_with_unit(_exact(lead.typical), unit)}"
        actual = _beyond(lead.actual, lead.typical, unit)
        return f"{_capital(name)} is {actual}, {side} its limit{limit}, {since}"
    if stuck:
        what = f"{_capital(name)} stays at {_value(lead.actual, unit)}"
    else:
        side = "high" if _is_above(lead) else "low"
        what = f"{_capital(name)} is too {side}: {_value(lead.actual, unit)}"
        if lead.typical is not None:
            what += f", expected {_value(lead.typical, unit)}"
    rarity = f"; seen once in {_events(nats)} events" if nats > 0.0 else ""
    young = " (the model is still young)" if known_for < YOUNG else ""
    return f"{what}, {since}{rarity}{young}"


def _is_above(signal: AlertSignal) -> bool:
    return signal.actual is not None and signal.typical is not None and signal.actual > signal.typical


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _value(value: float | None, unit: str) -> str:
    if value is None:
        return "not known"
    return _with_unit(_number(value), unit)


def _number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= ROUND_AT else f"{value:.3g}"


def _with_unit(number: str, unit: str) -> str:
    return f"{number} {unit}" if unit and unit != "%" else f"{number}{unit}"


def _exact(value: float) -> str:
    return f"{value:.15g}"


def _beyond(actual: float | None, limit: float | None, unit: str) -> str:
    """A value that has passed its limit, with as many decimals as it takes to read as beyond it."""
    if actual is None or limit is None:
        return _value(actual, unit)
    written = len(_number(actual).partition(".")[2])
    candidates = (_number(actual), *(f"{actual:.{count}f}" for count in range(written + 1, MOST_DECIMALS)))
    is_above = actual > limit
    beyond = (each for each in candidates if float(each) != limit and (float(each) > limit) == is_above)
    return _with_unit(next(beyond, repr(actual)), unit)


def _events(nats: float) -> str:
    if nats >= MOST_UNUSUAL:
        return "more than a billion"
    count = math.exp(nats)
    digits = max(int(math.log10(count)) - 1, 0)
    rounded = round(count / 10**digits) * 10**digits
    return f"about {rounded:,}"
