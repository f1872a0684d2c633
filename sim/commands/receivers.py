"""What brings commands, from whichever broker."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol, Self


class Delivery(NamedTuple):
    """A message with a command.

    Attributes:
        vehicle_id: for whom; ``None`` for all vehicles.
        payload: untouched.
    """

    vehicle_id: str | None
    payload: bytes


class CommandReceiver(Protocol):
    """Receives what is sent from the moment it is entered, while it is connected."""

    def take(self) -> list[Delivery]:
        """What has come since the last call; does not wait.

        Raises:
            BrokerError: the broker refuses us.
        """

    def __enter__(self) -> Self: ...

    def __exit__(self, *exception: Any) -> None: ...
