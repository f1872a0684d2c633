"""Messages that hold an array per signal: ``{"speed": [{"time": …, "value": …}, …], "rpm": […]}`` → events.

An event of a series is the message with each series replaced by its value at one time: vehicle id, sequence
and signals stay where their pointers lead, and the time is where the samples have it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from config.settings import PayloadSettings, SignalSettings
from dataflows.decode.bad_values import BadValues
from dataflows.decode.faults import Faults, UndecodableError, described
from dataflows.decode.field_types import ANYTHING
from dataflows.decode.fields import SERIES_TIME, SERIES_VALUE, Field, time_pointers, tokens_of
from dataflows.decode.times import EventTimes

_Key = tuple[bytes, int]
"""A time as it was sent, and how many samples of its series had it before."""


class SeriesReader:
    """Turns a message with a series per signal into events, in the order of their times.

    Samples of one time become one event; a second sample of a signal at that time is another event.

    Args:
        payload: where the vehicle id and the sequence are in a message, and time and value in a sample.
        signals: the catalogue; each pointer leads to a series.
        times: how times are written.
    """

    def __init__(
        self, payload: PayloadSettings, signals: Mapping[str, SignalSettings], times: EventTimes
    ) -> None:
        self._times = times
        self._by_key = payload.time == "key"
        time_pointer = time_pointers(payload)[0] or SERIES_TIME
        self._time_tokens = tokens_of(time_pointer)
        self._time_fields = [_field(time_pointer), _field(SERIES_TIME)]
        self._value_field = _field(payload.value or SERIES_VALUE)
        self._series = {name: _field(settings.pointer) for name, settings in signals.items()}
        pointers = [payload.vehicle_id] if payload.vehicle_id not in ("topic", "key") else []
        self._constant = [_field(pointer) for pointer in [*pointers, payload.sequence] if pointer]
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder()

    def events(self, message: bytes, position: int, bad: BadValues) -> list[bytes]:
        """The events of a message as JSON.

        Args:
            message: JSON.
            position: of its first event in the batch.
            bad: gets the signals whose series cannot be read beside others that can.

        Raises:
            UndecodableError: the message is no object, or has no series that can be read.
            msgspec.DecodeError: it is not JSON.
        """
        decoded = self._decoder.decode(message)
        if not isinstance(decoded, dict):
            raise UndecodableError(f"expected a JSON object of series, got {described(decoded)}")
        constant = [(field.tokens, _at(field, decoded)) for field in self._constant]
        sent: dict[_Key, Any] = {}
        values: dict[_Key, dict[tuple[str, ...], Any]] = {}
        unreadable: dict[str, str] = {}
        found = False
        for name, field in self._series.items():
            series = _at(field, decoded)
            if series is None:
                continue
            try:
                seen: Counter[bytes] = Counter()
                for time, value in self._samples(series):
                    encoded = msgspec.json.encode(time)
                    # A second value at a time is another event of that time.
                    key = encoded, seen[encoded]
                    seen[encoded] += 1
                    sent[key] = time
                    values.setdefault(key, {})[field.tokens] = value
                found = True
            except UndecodableError as error:
                unreadable[name] = f"expected {error} as the series of {name!r} at {field.pointer}"
        if not (found or sent):
            pointers = ", ".join(field.pointer for field in self._series.values())
            nothing = f"expected a series at one or more of {pointers}, got none"
            raise UndecodableError(next(iter(unreadable.values()), nothing))
        events = []
        for keys in self._by_time(sent):
            at_one_time = [pair for key in keys for pair in values[key].items()]
            events.append(_event([*constant, (self._time_tokens, sent[keys[0]]), *at_one_time]))
        for name, reason in unreadable.items():
            bad.add(position if events else None, name, reason)
        return events

    def _samples(self, series: Any) -> Iterator[tuple[Any, Any]]:
        """Time and value of every sample, as they were sent.

        Raises:
            UndecodableError: the series is none, or, after all others, one of its samples is none.
        """
        if self._by_key:
            if not isinstance(series, dict):
                raise UndecodableError(f"an object of values by time, got {described(series)},")
            yield from series.items()
            return
        if not isinstance(series, list):
            raise UndecodableError(f"an array of samples, got {described(series)},")
        problem = ""
        for sample in series:
            match sample:
                case [time, value, *_]:
                    yield time, value
                case dict():
                    times = (_at(field, sample) for field in self._time_fields)
                    time = next((time for time in times if time is not None), None)
                    yield time, _at(self._value_field, sample)
                case _:
                    problem = problem or f"samples with a time and a value, got {described(sample)},"
        if problem:
            raise UndecodableError(problem)

    def _by_time(self, sent: Mapping[_Key, Any]) -> list[list[_Key]]:
        """Times as they were sent, grouped and sorted by what they mean; what is no time comes last."""
        faults = Faults()
        keys = list(sent)
        timestamps = self._times.timestamps_of_texts(list(sent.values()), "", faults).tolist()
        unreadable = {position for position, _ in faults.in_order()}
        groups: dict[tuple[int, int], list[_Key]] = {}
        for position, key in enumerate(keys):
            if position not in unreadable:
                groups.setdefault((timestamps[position], key[1]), []).append(key)
        in_order = [groups[time] for time in sorted(groups)]
        return in_order + [[keys[position]] for position in sorted(unreadable)]


def _field(pointer: str) -> Field:
    return Field.at(pointer, pointer, ANYTHING)


def _at(field: Field, event: dict[str, Any]) -> Any:
    """The value at a pointer; ``None`` if there is none."""
    try:
        return field.of(event)
    except UndecodableError:
        return None


def _event(members: Iterable[tuple[tuple[str, ...], Any]]) -> bytes:
    """An event as JSON, from the tokens of pointers and the values there."""
    event: dict[str, Any] = {}
    for tokens, value in members:
        _put(event, tokens, value)
    return msgspec.json.encode(event)


def _put(event: dict[str, Any], tokens: tuple[str, ...], value: Any) -> None:
    """Set the value at a pointer; without one, leave it out."""
    if value is None:
        return
    for token in tokens[:-1]:
        inner = event.setdefault(token, {})
        if not isinstance(inner, dict):
            return
        event = inner
    event[tokens[-1]] = value
