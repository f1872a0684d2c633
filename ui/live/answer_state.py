"""What vehicles have answered to commands, in bounded memory."""

from __future__ import annotations

import threading
from collections import OrderedDict

import msgspec

from dataflows.events import JSON_ERRORS, CommandAnswer, CommandStatus

MAX_COMMANDS = 1_000
"""Commands of vehicles whose answers are kept; those that were answered longest ago are dropped first."""

MAX_ANSWERS = 4
"""Answers of a vehicle to a command that are kept, the latest ones; usually there are two."""

FINAL: tuple[CommandStatus, ...] = ("done", "refused", "expired")
"""What no other answer follows."""

_ANSWER = msgspec.json.Decoder(CommandAnswer)

Key = tuple[str, str]
"""Id of the command, and of the vehicle; the latter is empty where no vehicle answered."""


class AnswerState:
    """The latest answers; safe to use from several threads.

    Args:
        max_commands: commands of vehicles whose answers are kept.
    """

    def __init__(self, max_commands: int = MAX_COMMANDS) -> None:
        self._max_commands = max_commands
        self._lock = threading.Lock()
        self._answers: OrderedDict[Key, tuple[CommandAnswer, ...]] = OrderedDict()
        self._version = 0

    @property
    def version(self) -> int:
        """Rises with every answer."""
        return self._version

    def record(self, payload: bytes) -> None:
        """Record one message of the answers topic: a `CommandAnswer` in JSON; anything else is ignored."""
        try:
            answer = _ANSWER.decode(payload)
        except JSON_ERRORS:
            return
        if answer.answered_at.tzinfo is None or not 1 < answer.answered_at.year < 9999:
            return  # it could not be shown in another time zone
        key = answer.command_id, answer.vehicle_id
        with self._lock:
            earlier = self._answers.pop(key, ())
            if answer in earlier:
                self._answers[key] = earlier
                return
            self._answers[key] = (*earlier, answer)[-MAX_ANSWERS:]
            while len(self._answers) > self._max_commands:
                self._answers.popitem(last=False)
            self._version += 1

    def to(self, command_id: str, vehicle_id: str) -> tuple[CommandAnswer, ...]:
        """What a vehicle has answered to a command, in the order of arrival.

        A command that is wrong, or for a vehicle that there is not, is answered in the name of no vehicle.
        """
        with self._lock:
            return self._answers.get((command_id, vehicle_id), ()) or self._answers.get((command_id, ""), ())

    def of(self, vehicle_id: str) -> list[tuple[CommandAnswer, ...]]:
        """Answers of a vehicle, those to each command together, what was answered last first."""
        with self._lock:
            return [
                answers for (_, answered_by), answers in reversed(self._answers.items())
                if answered_by == vehicle_id
            ]  # fmt: skip
