"""An enriched event in words: what stands out, by how much, in which state the vehicle is."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping

from config.settings import SignalSettings
from dataflows.events import Enriched
from ui.fleet_state import VehicleSnapshot

LEADING_SHARE = 0.15
"""A signal with a smaller share of the error than this does not explain it."""

_SCALE = re.compile(r"\d+-\d+")
_BEGINS_LINK = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)|(?<=@)|(?<=:)(?=\w)", re.IGNORECASE)
_PUNCTUATION = str.maketrans({character: f"\\{character}" for character in string.punctuation})


def number(value: float, digits: int = 3) -> str:
    """At least `digits` significant digits, no exponent below 10⁹: 0.0312, 4.57, 92.3, 131, 3,214."""
    size = abs(value)
    if size >= 1e9 or 0.0 < size < 1e-4:
        return f"{value:.{digits}g}"
    decimals = max(0, digits - len(str(int(size)))) if size >= 1.0 else digits
    text = f"{value:,.{decimals}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text.replace("-", "\N{MINUS SIGN}")


def quantity(value: float, unit: str, digits: int = 3) -> str:
    """A value with its unit: ``131 °C``; a unit that only names a scale goes into brackets: ``3 (1-5)``."""
    if not unit:
        return number(value, digits)
    return (
        f"{number(value, digits)} ({unit})" if _SCALE.fullmatch(unit) else f"{number(value, digits)} {unit}"
    )


def comparison(name: str, value: float | None, expected: float, unit: str) -> str:
    """``engine_temperature 131 °C, expected 92.3 °C``, with digits enough to tell the two apart."""
    if value is None:
        return f"{name} missing, expected {quantity(expected, unit)}"
    digits = next((digits for digits in (3, 4, 5) if number(value, digits) != number(expected, digits)), 6)
    return f"{name} {quantity(value, unit, digits)}, expected {quantity(expected, unit, digits)}"


def leading_signals(event: Enriched, limit: int = 2) -> list[str]:
    """The signals that make up most of the error, the largest share first."""
    ranked = sorted(event.contributions.items(), key=lambda item: (-item[1], item[0]))
    return [name for name, share in ranked[:limit] if share >= LEADING_SHARE]


def anomaly_words(
    event: Enriched, values: Mapping[str, float | None], signals: Mapping[str, SignalSettings]
) -> str:
    """What stands out in an event, e.g. ``engine_temperature 131 °C, expected 92.3 °C``."""
    phrases = [
        comparison(name, values.get(name), event.expected[name], unit_of(name, signals))
        for name in leading_signals(event)
        if name in event.expected
    ]
    return "; ".join(phrases) or "no single signal stands out"


def implausible_words(
    event: Enriched, values: Mapping[str, float | None], signals: Mapping[str, SignalSettings]
) -> str:
    """The signals outside their plausible range: ``rpm 12,000 1/min, plausible 0 to 9,000``."""
    phrases = []
    for name in event.implausible:
        value, unit = values.get(name), unit_of(name, signals)
        measured = "missing" if value is None else quantity(value, unit)
        phrases.append(f"{name} {measured}, plausible {plausible_range(signals.get(name))}")
    return "; ".join(phrases)


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


def missing_words(values: Mapping[str, float | None], signals: Mapping[str, SignalSettings]) -> str:
    """The scored signals that an event did not bring: ``missing fuel, rpm``."""
    missing = [name for name, signal in signals.items() if signal.scored and values.get(name) is None]
    # Judged partial by the detector, which may hold another opinion of what counts as a number.
    return f"missing {', '.join(missing)}" if missing else "missing a signal"


def status_words(vehicle: VehicleSnapshot, now: float, stale_after: float) -> str:
    """The state of a vehicle, of several the most important one.

    ``silent 32 s``, ``anomaly``, ``late``, ``warming up``, ``partial``, ``implausible``, ``ok``.
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


def duration(seconds: float) -> str:
    """``0.3 s``, ``32 s``, ``5 min``, ``3 h``, ``2 d``; a negative one counts as none."""
    seconds = max(0.0, seconds)
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    for size, unit, end in ((1, "s", 99.5), (60, "min", 99.5 * 60), (3600, "h", 47.5 * 3600)):
        if seconds < end:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86_400:.0f} d"


def plain(text: str, limit: int = 80) -> str:
    """Foreign text on one line, without control characters, cut at `limit` characters."""
    line = "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text
    )
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def markdown(text: str, limit: int = 400) -> str:
    """Foreign text as Markdown that shows exactly that text: no markup, HTML, directive, emoji or link."""
    return _BEGINS_LINK.sub("\N{WORD JOINER}", plain(text, limit)).translate(_PUNCTUATION)


def unit_of(name: str, signals: Mapping[str, SignalSettings]) -> str:
    """The unit of a signal, empty for one that is not in the catalogue."""
    signal = signals.get(name)
    return signal.unit if signal else ""
