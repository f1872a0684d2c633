"""What the decoder could not use of a recording: bad values, and numbers that are not in the catalogue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from config.settings import Settings
from dataflows.decode import Decoded
from dataflows.decode.unknown_fields import UnknownFields

MOST_NAMED = 8
"""Names in a sentence, at most."""


class Unread:
    """Counts what is neither in an event nor in a dead letter.

    Args:
        settings: with the catalogue of this recording.
    """

    def __init__(self, settings: Settings) -> None:
        self._fields = UnknownFields.of(settings)
        self._found: str | None = None
        self._bad: Counter[str] = Counter()
        self._examples: dict[str, str] = {}
        self._ignored: Counter[str] = Counter()

    def count(self, decoded: Decoded) -> None:
        """Count what a batch has."""
        self._found = self._fields.look_at(decoded.telemetry.telemetry) or self._found
        self._ignored.update(decoded.ignored)
        for signal, bad in decoded.bad_values.items():
            self._bad[signal] += bad.count
            self._examples.setdefault(signal, bad.example)

    def warnings(self, *, is_table: bool) -> Iterator[str]:
        """A sentence for each kind.

        Args:
            is_table: whether the columns that are not scored have been named already.
        """
        for signal, count in self._bad.most_common():
            example = self._examples[signal]
            yield f"{count:,} values of {signal!r} cannot be read and count as missing: {example}"
        if self._ignored:
            names = ", ".join(name for name, _ in self._ignored.most_common(MOST_NAMED))
            yield f"ignored signals that are not in the catalogue ({self._ignored.total():,} values): {names}"
        found = None if is_table else self._found or self._fields.warning()
        if found is not None:
            yield found
