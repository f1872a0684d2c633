"""What ``[topics]`` and ``[payload]`` must agree on: where vehicles and signals are named."""

from __future__ import annotations

from config.payload_settings import PayloadSettings
from config.topic_template import SIGNAL, VEHICLE, TopicTemplate


def check_telemetry(template: TopicTemplate, payload: PayloadSettings, source: str) -> None:
    """Check the topic of the telemetry against what its messages hold.

    Args:
        template: the telemetry topic.
        payload: what messages hold.
        source: kind of the source; on Kafka, topics have no levels.

    Raises:
        ValueError: they contradict each other, in one line that says what to write.
    """
    _check_keys(payload, source)
    if source != "kafka":
        _check_vehicle(template, payload, source)
    if template.names_signal:
        _check_named_signal(template, payload)
    elif payload.value is not None and payload.signal is None and payload.layout != "series":
        raise ValueError(
            f"payload.value: needs payload.signal, {SIGNAL} in topics.telemetry or "
            f"payload.layout = 'series', got {payload.value!r} without them"
        )


def check_series(payload: PayloadSettings, pointers: list[str]) -> None:
    """Check that the signals of a series do not lie in one another: each gets its own place in an event.

    Args:
        payload: what messages hold.
        pointers: those of the signals.

    Raises:
        ValueError: one pointer leads into what another one points to.
    """
    if payload.layout != "series":
        return
    outer = {f"{pointer}/" for pointer in pointers}
    inside = [pointer for pointer in pointers if any(pointer.startswith(other) for other in outer)]
    if inside:
        raise ValueError(f"signals: expected series beside each other, got {inside[0]!r} within another one")


def _check_keys(payload: PayloadSettings, source: str) -> None:
    if payload.vehicle_id == "key" and not payload.holds_maps and source == "mqtt":
        raise ValueError(
            "payload.vehicle_id = 'key' needs payload.layout = 'map', or messages with keys "
            f"(source.kind = 'kafka'), got layout = {payload.layout!r} and source.kind = {source!r}"
        )


def _check_vehicle(template: TopicTemplate, payload: PayloadSettings, source: str) -> None:
    if payload.vehicle_id != "topic" or template.names_vehicle:
        return
    # A table has no topics: its vehicle is the name of the file, whatever the template says.
    matters = source == "mqtt" or "+" in template.filter
    if matters and (not template.last_level_varies or template.text.endswith(SIGNAL)):
        raise ValueError(
            f"topics.telemetry: expected {VEHICLE} at the level that is the vehicle, since "
            f"payload.vehicle_id is 'topic', got {template.text!r}, whose last level is no vehicle; "
            f"write e.g. 'cars/{VEHICLE}/telemetry'"
        )


def _check_named_signal(template: TopicTemplate, payload: PayloadSettings) -> None:
    where = f"topics.telemetry has {SIGNAL}"
    if payload.signal is not None:
        raise ValueError(f"payload.signal: expected none, as {where}, got {payload.signal!r}")
    if payload.layout == "series":
        raise ValueError(f"payload.layout: expected 'event', 'list' or 'map', as {where}, got 'series'")
    if payload.value is not None:
        return
    whole = f"as {where} and payload.value is not set: the payload is the value"
    if payload.time is not None:
        raise ValueError(f"payload.time: expected '' (the time of arrival), {whole}, got {payload.time!r}")
    if payload.layout != "event" or payload.records is not None:
        raise ValueError(f"payload.layout: expected 'event' and no payload.records, {whole}")
    if not template.names_vehicle and payload.vehicle_id != "topic":
        raise ValueError(f"topics.telemetry: expected {VEHICLE}, {whole}, got {template.text!r}")
