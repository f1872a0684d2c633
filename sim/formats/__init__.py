"""The shapes in which telemetry is sent, one a file: ``python -m sim --format NAME``."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from config.topic_template import TopicTemplate
from sim.formats.digital_twin import DigitalTwin
from sim.formats.format import Encoded, Format
from sim.formats.plain import Plain
from sim.formats.spring_fleet import SpringFleet
from sim.formats.teslamate import TeslaMate
from sim.formats.traccar import Traccar

__all__ = ["FORMATS", "Encoded", "Format"]

FORMATS: dict[str, Callable[[TopicTemplate, Sequence[str]], Format]] = {
    "plain": Plain,
    "spring-fleet": SpringFleet,
    "digital-twin": DigitalTwin,
    "teslamate": TeslaMate,
    "traccar": Traccar,
}
"""Name → what makes the format for a topic and the ids of n vehicles; `SettingsError` if they do not fit."""
