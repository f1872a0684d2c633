"""Events that hold one value and name its signal, in the payload or in the topic → rows of signals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from config.settings import SignalSettings
from dataflows.decode.bad_values import BadValues
from dataflows.decode.faults import Faults, UndecodableError, check_utf8, described, json_reason
from dataflows.decode.field_types import FieldType
from dataflows.decode.fields import Row, tokens_of
from dataflows.events import JSON_ERRORS


class NamedValues:
    """The signals of a catalogue, by the names that senders give them.

    The name of a signal is its pointer, with the parts joined by ``/``. A sender may also name an object that
    holds signals: ``location`` with the value ``{"latitude": …}`` is the signal ``location/latitude``.

    Args:
        signals: the catalogue.
        type: what the value of a signal may be.
    """

    def __init__(self, signals: Mapping[str, SignalSettings], type: FieldType) -> None:
        self._type = type
        self._catalogue = list(signals)
        # Name → columns of the signals, each with the way to it inside the value.
        self._places: dict[str, list[tuple[int, tuple[str, ...]]]] = defaultdict(list)
        for column, settings in enumerate(signals.values()):
            tokens = tokens_of(settings.pointer)
            for end in range(1, len(tokens) + 1):
                self._places["/".join(tokens[:end])].append((column, tokens[end:]))

    def knows(self, name: str) -> bool:
        """Whether a signal of the catalogue has this name; a slash in front of a name does not matter."""
        return name.removeprefix("/") in self._places

    def matrix(self, names: Sequence[str], values: Sequence[Any], bad: BadValues) -> NDArray[np.float64]:
        """The values as a matrix of shape (n, S), each in the columns of its signal, NaN elsewhere.

        Args:
            names: of n signals.
            values: n decoded JSON values.
            bad: gets the values that cannot be read.
        """
        matrix = np.full((len(names), len(self._catalogue)), np.nan)
        for row, (name, value) in enumerate(zip(names, values, strict=True)):
            for column, tokens in self._places.get(name.removeprefix("/"), ()):
                inner = _inside(value, tokens)
                try:
                    matrix[row, column] = self._type.read(inner)
                except TypeError:
                    signal = self._catalogue[column]
                    expected = f"expected signal {signal!r} to be {self._type.expected}"
                    bad.add(row, signal, f"{expected}, got {described(inner)}")
                except OverflowError:
                    pass  # beyond float64: missing, like every number that is not finite
        return matrix


def _inside(value: Any, tokens: Sequence[str]) -> Any:
    for token in tokens:
        value = value.get(token) if isinstance(value, dict) else None
    return value


class WholePayloadReader:
    """Reads payloads that are nothing but a value: a JSON scalar or bare text, empty where it is missing."""

    def __init__(self) -> None:
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder()

    def read(
        self, payloads: Sequence[bytes], faults: Faults, bad: BadValues
    ) -> tuple[list[Row], list[bytes]]:
        """As `EventReader.read`: rows of one value, and the payloads as JSON."""
        rows: list[Row] = []
        texts = []
        known = faults.mask(len(payloads)).tolist()
        for position, payload in enumerate(payloads):
            value, text = None, payload
            if not known[position]:
                try:
                    value, text = self._value(payload)
                except UndecodableError as error:
                    faults.add(position, str(error))
            rows.append((value,))
            texts.append(text)
        return rows, texts

    def _value(self, payload: bytes) -> tuple[Any, bytes]:
        try:
            check_utf8(payload)
        except UnicodeDecodeError as error:
            raise UndecodableError(json_reason(payload, error)) from None
        if not payload.strip():
            return None, b"null"
        try:
            return self._decoder.decode(payload), payload
        except JSON_ERRORS:
            text = payload.decode("utf-8")
            return text, msgspec.json.encode(text)
