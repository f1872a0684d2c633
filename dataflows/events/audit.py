"""Who logged in to the page, who failed to, and who left."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec

AuditEvent = Literal["login", "failed_login", "logout"]


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Something that somebody did at the page's door. What they do behind it are actions and commands.

    Attributes:
        id: unique.
        event: what.
        by: who. Of a failed login the name that was tried, if somebody has it: else it is empty, since what
            is typed into the wrong field may be a password.
        role: what they may do; empty after a failed login.
        address: of the browser, as the page's server sees it.
        reason: why a login failed. One line.
        happened_at: when, UTC.
    """

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    event: AuditEvent
    by: Annotated[str, msgspec.Meta(max_length=100)] = ""
    role: Annotated[str, msgspec.Meta(max_length=100)] = ""
    address: Annotated[str, msgspec.Meta(max_length=100)] = ""
    reason: Annotated[str, msgspec.Meta(max_length=500)] = ""
    happened_at: Annotated[datetime, msgspec.Meta(tz=True)]
