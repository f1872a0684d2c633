"""What a vehicle has answered lately, so that a command that comes again is not carried out again."""

from __future__ import annotations

from dataflows.events import CommandAnswer

MOST_ANSWERS = 200_000
"""Kept for the whole fleet: some 50 MB."""

FEWEST, MOST = 20, 1000
"""Commands that each vehicle remembers, at least and at most."""


class AnswerBook:
    """The last answer to each of the latest commands of every vehicle.

    Args:
        vehicles: size of the fleet; the fewer, the more commands each remembers.

    Attributes:
        per_vehicle: how many commands each remembers.
    """

    def __init__(self, vehicles: int) -> None:
        self.per_vehicle = min(max(MOST_ANSWERS // vehicles, FEWEST), MOST)
        self._answers: dict[int, dict[str, CommandAnswer]] = {}

    def last(self, vehicle: int, command_id: str) -> CommandAnswer | None:
        """The last answer of a vehicle to a command; ``None`` if it has not had it, or long ago."""
        return self._answers.get(vehicle, {}).get(command_id)

    def note(self, vehicle: int, answer: CommandAnswer) -> None:
        """Keep an answer instead of the one before it to the same command."""
        own = self._answers.setdefault(vehicle, {})
        own[answer.command_id] = answer
        if len(own) > self.per_vehicle:
            del own[next(iter(own))]
