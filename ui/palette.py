"""The colours that carry meaning, readable in the light and in the dark theme."""

from __future__ import annotations

from typing import Literal

from dataflows.events import Severity

ANOMALY = "#e5484d"
NOTICE = "#e08a1e"
NORMAL = "#3b9eda"
EXPECTED = "#8b98a9"
APART = "#8250df"
"""What is neither measured nor judged now: a replay, a demo."""

LINES = (NORMAL, NOTICE, APART, "#2da44e", EXPECTED)
"""Of lines beside each other, whose names say which is which."""

SEVERITY: dict[Severity, tuple[str, str]] = {
    "critical": ("#9f1239", "#ffffff"),
    "major": ("#f0ab6c", "#2b1602"),
    "minor": ("#f9e7a0", "#2b2403"),
    "warning": ("#d5e6f3", "#143a56"),
}
SEVERITY_ON_DARK: dict[Severity, tuple[str, str]] = {
    "critical": ("#d6293e", "#ffffff"),
    "major": ("#6e3c10", "#ffdcb4"),
    "minor": ("#40360f", "#f0da80"),
    "warning": ("#1b3246", "#a9cde6"),
}
"""Background and text, in the light and in the dark theme. What is worse differs more from the page, so who
does not tell red from green sees it by the lightness, and a warning by its blue."""

MAP_TONES: dict[str, tuple[str, str, str, str]] = {
    "critical": ("#b3123f", "#ffffff", "#ffffff", "#b3123f"),
    "major": ("#ef8d3c", "#5c2c04", "#2b1602", "#d9731c"),
    "minor": ("#f7d75c", "#5e4b05", "#2b2403", "#b8960c"),
    "warning": ("#a5d2f3", "#143a56", "#143a56", "#3f86b8"),
    "ok": ("#3f7396", "#ffffff", "#ffffff", "#3f7396"),
    "silent": ("#7a848f", "#7a848f", "#ffffff", "#7a848f"),
    "warming_up": ("#dbe4ec", "#56697b", "#1b2733", "#7f93a6"),
}
MAP_TONES_ON_DARK: dict[str, tuple[str, str, str, str]] = {
    "critical": ("#f04468", "#10161d", "#10161d", "#f04468"),
    "major": ("#f09a4e", "#10161d", "#10161d", "#f09a4e"),
    "minor": ("#f2d765", "#10161d", "#10161d", "#f2d765"),
    "warning": ("#a9d6f7", "#10161d", "#10161d", "#a9d6f7"),
    "ok": ("#5b8fb5", "#10161d", "#10161d", "#5b8fb5"),
    "silent": ("#87929e", "#87929e", "#10161d", "#87929e"),
    "warming_up": ("#27343f", "#9db0c2", "#dfe6ed", "#7f93a6"),
}
"""Of a vehicle or cluster on the map: its surface, its edge, what is written on it, and where it has been."""

BADGES: dict[Severity, Literal["red", "orange", "yellow", "blue"]] = {
    "critical": "red",
    "major": "orange",
    "minor": "yellow",
    "warning": "blue",
}
"""In Markdown: ``:red-badge[critical]``."""

DOTS: dict[str, tuple[str, str]] = {
    "critical": ("#b3123f", "#f04468"),
    "major": ("#ef8d3c", "#f09a4e"),
    "minor": ("#e2bd2f", "#f2d765"),
    "warning": ("#7fbdea", "#a9d6f7"),
    "anomalous": ("#e5484d", "#ff6369"),
    "ok": ("#3f7396", "#5b8fb5"),
    "silent": ("#7a848f", "#87929e"),
    "warming_up": ("#b7c5d1", "#56697b"),
}
"""Of a vehicle, or a number of them, in the light and in the dark theme. Beside a dot there is a word."""

CELLS: dict[str, tuple[str, str]] = {
    "critical": ("#b3123f", "#f04468"),
    "major": ("#ef8d3c", "#d9762a"),
    "minor": ("#f7d75c", "#8f7a1f"),
    "warning": ("#bfdcf1", "#2f5775"),
    "normal": ("#e6edf3", "#1d2a36"),
    "none": ("#f1f4f7", "#151d25"),
}
"""Of a time in which a vehicle was at worst like this: ``normal`` below the threshold, ``none`` unknown."""
