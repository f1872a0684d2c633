"""Commands to vehicles, and their answers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, get_args

import msgspec

CommandName = Literal["restart", "stop", "resume", "limit_speed", "go_to", "inject_fault", "clear_fault"]
COMMAND_NAMES: tuple[CommandName, ...] = get_args(CommandName)

ArgumentName = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class Command(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A command to a vehicle or to the whole fleet: a JSON object, or just its name.

    The topic names the recipient: `fleet/command` all vehicles, `fleet/command/<vehicle>` one. Over Kafka the
    key of the message does; without a key, it is for all.

    Attributes:
        id: unique; a command that is delivered again under the same id is not carried out again.
        name: what. A name that is not known is refused, not malformed.
        arguments: by name, e.g. ``{"kmh": 50}``.
        by: who sent it.
        expires_at: not to be carried out from then on, UTC; null for never.
    """

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    arguments: dict[ArgumentName, str | float | bool] = {}
    by: Annotated[str, msgspec.Meta(max_length=100)] = ""
    expires_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


CommandStatus = Literal["accepted", "refused", "done", "expired"]


class CommandAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a command.

    Attributes:
        command_id: of the command; empty if it had none that could be read.
        name: its name as it was sent; empty if there was none that could be read.
        vehicle_id: who answers; empty if no vehicle does: the command was for nobody, or for all and wrong.
        status: ``accepted`` (being carried out), ``done``, ``refused`` (nothing changes; or, after
            ``accepted``, given up for a later command) or ``expired`` (nothing changes).
        reason: why it was refused or has expired; what was done, if that is worth saying. One line.
        by: who sent the command.
        answered_at: when, UTC.
    """

    command_id: str
    name: str
    vehicle_id: str
    status: CommandStatus
    reason: str = ""
    by: str = ""
    answered_at: datetime
