"""Numbers and times as people read them."""

from __future__ import annotations

from datetime import datetime


def duration(seconds: float) -> str:
    """``"2 h 05 min"``, ``"12 min"`` or ``"40 s"``."""
    minutes = round(seconds / 60.0)
    if seconds < 60.0:
        return f"{seconds:.0f} s"
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"


def distance(km: float | None) -> str:
    """``"12.3 km"``, or a dash if it is not known."""
    return "–" if km is None else f"{km:,.1f} km"


def clock(moment: datetime) -> str:
    """Time of day, to the second where it has seconds worth saying."""
    return f"{moment:%H:%M:%S}" if moment.second else f"{moment:%H:%M}"


def amounts(used: dict[str, float], units: dict[str, str]) -> str:
    """``"fuel 3.2 %"``, joined by commas."""
    return ", ".join(f"{name} {amount:,.3g} {units.get(name, '')}".strip() for name, amount in used.items())
