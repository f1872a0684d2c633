"""Which kind of rows is made of the messages of a topic."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from config.settings import Settings
from dataflows.messages import MessageBatch

KNOWN_TOPICS = 65_536
FROM_VEHICLES = ("telemetry", "commands", "answers")
"""Kinds on the broker where telemetry comes from; the others are where results go."""

BY_VEHICLE = ("events", "alerts", "rollups", "commands")
"""Kinds with further topics below theirs over MQTT."""

TELEMETRY = "telemetry"


def topics_of(settings: Settings) -> dict[str, str]:
    """Kind → its topic, for the kinds that are kept and come from a broker; the parts that vary left out.

    What would come from a recording, or goes to files, is not on a broker.
    """
    topics = {
        "telemetry": settings.topics.telemetry,
        "events": settings.topics.enriched,
        "alerts": settings.alerts_topic,
        "actions": settings.actions_topic,
        "rollups": settings.rollups_topic,
        "commands": settings.command_topic,
        "answers": settings.command_answers_topic,
        "late": settings.late_topic,
        "audit": settings.audit_topic,
    }
    broker = {kind: settings.source.kind if kind in FROM_VEHICLES else settings.sink.kind for kind in topics}
    return {kind: topics[kind] for kind in settings.history.kinds if broker[kind] != "recording"}


def filters_of(topics: Mapping[str, str], telemetry_filter: str) -> list[str]:
    """The MQTT topic filters of these kinds.

    Args:
        topics: kind → topic.
        telemetry_filter: that of telemetry.
    """
    filters = []
    for kind, topic in topics.items():
        if kind == TELEMETRY:
            filters.append(telemetry_filter)
        elif kind in BY_VEHICLE:
            # "#" includes the topic itself: a command for all vehicles.
            filters.append(f"{topic}/#")
        elif not (kind == "answers" and "commands" in topics):
            filters.append(topic)
    return filters


class Sorter:
    """Sorts messages by kind. What is on none of the other topics is telemetry."""

    def __init__(self, topics: Mapping[str, str]) -> None:
        """Remember the topics.

        Args:
            topics: kind → topic, as of `topics_of`.
        """
        self._exact = {topic: kind for kind, topic in topics.items() if kind != TELEMETRY}
        self._above = [(f"{topics[kind]}/", kind) for kind in BY_VEHICLE if kind in topics]
        self._kind_of = lru_cache(KNOWN_TOPICS)(self._find)

    def sort(self, batch: MessageBatch) -> list[tuple[str, MessageBatch]]:
        """The messages of each kind, in order."""
        positions: dict[str, list[int]] = {}
        for position, topic in enumerate(batch.topics):
            positions.setdefault(self._kind_of(topic), []).append(position)
        if len(positions) == 1:
            return [(kind, batch) for kind in positions]
        return [(kind, batch.take(taken)) for kind, taken in positions.items()]

    def _find(self, topic: str) -> str:
        if topic in self._exact:
            return self._exact[topic]
        return next((kind for above, kind in self._above if topic.startswith(above)), TELEMETRY)
