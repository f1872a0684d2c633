"""The telemetry topic as a template: which of its levels name the vehicle and the signal.

    cars/{vehicle}/telemetry        the second level is the vehicle
    vss/{vehicle}/{signal}          every topic carries one signal of one vehicle
    {_}/{vehicle}/up                a level that differs and means nothing here
    vss/{vehicle}/{signal}/#        the name of the signal goes on over all further levels

`+` and `#` are those of MQTT (5, 4.7). A placeholder is a whole level, and becomes `+` in the subscription.
"""

from __future__ import annotations

import re

from config.errors import SettingsError

VEHICLE = "{vehicle}"
SIGNAL = "{signal}"
ANY_LEVEL = "{_}"

_PATTERNS = {
    VEHICLE: "(?P<vehicle>[^/]*)",
    SIGNAL: "(?P<signal>[^/]*)",
    ANY_LEVEL: "[^/]*",
    "+": "[^/]*",
}
_NAME_OVER_ALL_LEVELS = "(?P<signal>.*)"
_NOTHING_IN_PARTICULAR = "_"


class TopicTemplate:
    """A topic with placeholders, read and filled in.

    Args:
        text: the template; `$share/GROUP/` in front of it is a shared subscription (MQTT 5, 4.8.2).

    Attributes:
        text: the template as given.
        filter: the MQTT topic filter to subscribe to.
        names_vehicle: whether it has `{vehicle}`.
        names_signal: whether it has `{signal}`.
        last_level_varies: whether its last level is a placeholder or a wildcard.

    Raises:
        ValueError: a placeholder is unknown, occurs twice, or is not a whole level.
    """

    def __init__(self, text: str) -> None:
        levels = text.split("/")
        for level in levels:
            if ("{" in level or "}" in level) and level not in _PATTERNS:
                raise ValueError(
                    f"expected {VEHICLE}, {SIGNAL} or {ANY_LEVEL} as a whole level of the topic, "
                    f"got {level!r}"
                )
        for placeholder in (VEHICLE, SIGNAL):
            if levels.count(placeholder) > 1:
                raise ValueError(f"expected {placeholder} once in the topic, got it several times")
        self.text = text
        self.filter = "/".join("+" if level in _PATTERNS else level for level in levels)
        self.names_vehicle = VEHICLE in levels
        self.names_signal = SIGNAL in levels
        self.last_level_varies = levels[-1] in _PATTERNS or levels[-1] == "#"
        own_levels = levels[2:] if levels[0] == "$share" and len(levels) > 2 else levels
        self._pattern = re.compile(_pattern(own_levels), re.DOTALL)

    def vehicle_of(self, topic: str) -> str:
        """The vehicle that a topic names, unchanged; empty if it names none.

        Without `{vehicle}` it is the last level. Messages of a file that were recorded without a topic have
        its name as their topic: a single level, which then is the vehicle.
        """
        if not self.names_vehicle:
            return topic.rpartition("/")[2]
        match = self._pattern.fullmatch(topic)
        if match is not None:
            return match["vehicle"]
        return "" if "/" in topic else topic

    def signal_of(self, topic: str) -> str:
        """The signal that a topic names, its levels joined by `/`; empty if it names none."""
        match = self._pattern.fullmatch(topic) if self.names_signal else None
        return "" if match is None else match["signal"]

    def topic_of(self, vehicle: str, signal: str | None = None) -> str:
        """The topic that a vehicle publishes all its signals to, or this one if topics are for one each.

        Without `{vehicle}`, `+` stands for it. Levels that mean nothing are filled in.

        Raises:
            SettingsError: every topic carries one signal, and none is given.
        """
        if self.names_signal and signal is None:
            raise SettingsError(
                f"topics.telemetry: expected a topic for all signals of a vehicle, got {self.text!r}, "
                f"which has {SIGNAL}"
            )
        filled = {VEHICLE: vehicle, SIGNAL: signal or "", ANY_LEVEL: _NOTHING_IN_PARTICULAR}
        filled["+"] = _NOTHING_IN_PARTICULAR if self.names_vehicle else vehicle
        return "/".join(filled.get(level, level) for level in self.text.split("/"))


def _pattern(levels: list[str]) -> str:
    """A regular expression for the topics, as MQTT matches them: `a/#` includes `a`."""
    if levels == ["#"]:
        return ".*"
    if levels[-2:] == [SIGNAL, "#"]:
        levels, tail = levels[:-2], [_NAME_OVER_ALL_LEVELS]
        return "/".join([*map(_level_pattern, levels), *tail])
    if levels[-1] == "#":
        return "/".join(map(_level_pattern, levels[:-1])) + "(?:/.*)?"
    return "/".join(map(_level_pattern, levels))


def _level_pattern(level: str) -> str:
    return _PATTERNS.get(level, re.escape(level))
