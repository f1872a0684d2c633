"""Numbers, durations and untrusted text as the page shows them."""

from __future__ import annotations

import re
import string

_SCALE = re.compile(r"\d+-\d+")
_LINK_START = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)|(?<=@)|(?<=:)(?=\w)", re.IGNORECASE)
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
    """A value with its unit: ``131 °C``; a unit that is merely a scale goes in brackets: ``3 (1-5)``."""
    if not unit:
        return number(value, digits)
    return (
        f"{number(value, digits)} ({unit})" if _SCALE.fullmatch(unit) else f"{number(value, digits)} {unit}"
    )


def duration(seconds: float) -> str:
    """``0.3 s``, ``32 s``, ``5 min``, ``3 h``, ``2 d``; a negative duration counts as 0."""
    seconds = max(0.0, seconds)
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    for size, unit, end in ((1, "s", 99.5), (60, "min", 99.5 * 60), (3600, "h", 47.5 * 3600)):
        if seconds < end:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86_400:.0f} d"


def latency(seconds: float) -> str:
    """``38 ms``; from a second on as `duration`."""
    return duration(seconds) if seconds >= 0.9995 else f"{1000.0 * max(0.0, seconds):.0f} ms"


def plain(text: str, limit: int = 80) -> str:
    """Untrusted text on one line, without control characters, cut to `limit` characters."""
    line = "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text
    )
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def button_label(text: str) -> str:
    """Untrusted text as the label of a button, where ``:material/...:`` must not become an icon."""
    return plain(text).replace(":", ":\N{WORD JOINER}")


def markdown(text: str, limit: int = 400) -> str:
    """Markdown that shows untrusted text literally: no markup, HTML, directive, emoji or link."""
    return _LINK_START.sub("\N{WORD JOINER}", plain(text, limit)).translate(_PUNCTUATION)
