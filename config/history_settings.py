"""The section ``[history]``: what ``dataflows.record`` keeps, where, and for how long."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Field, NonNegativeFloat, PositiveFloat, PositiveInt

from config.section import UNSET, Section

# As in `dataflows.history.kinds`.
HistoryKind = Literal[
    "telemetry", "events", "alerts", "actions", "rollups", "commands", "answers", "late", "audit"
]
AnyKind = HistoryKind | Literal["unreadable"]

Place: TypeAlias = Path | str
"""Where a history is: a directory, or the URL of a storage."""

STORAGES = ("s3", "gs", "az", "abfss", "file")
_URL = re.compile(r"([a-z0-9+.-]+)://(.*)", re.IGNORECASE | re.DOTALL)


def place(value: Any) -> Any:
    """What a text names: the URL of a storage, which stays a text, or a directory.

    Raises:
        ValueError: it is a URL of another kind, or one that says how to log in, which is not repeated.
    """
    url = _URL.fullmatch(value) if isinstance(value, str) else None
    if url is None:
        return Path(value) if isinstance(value, str) else value
    scheme, rest = url[1].lower(), url[2].rstrip("/")
    host = rest.partition("/")[0]
    if (
        "?" in rest
        or "#" in rest
        or (scheme == "abfss" and ":" in host)
        or (scheme != "abfss" and "@" in host)
    ):
        raise ValueError("expected a URL without credentials: they belong into environment variables")
    if scheme not in STORAGES or not rest.strip("/"):
        raise ValueError(
            "expected a directory, s3://bucket/prefix, gs://…, az://…, abfss://… or file:///path"
        )
    return f"{scheme}://{rest}"


class HistorySettings(Section):
    """What is kept; described in ``docs/history.md``.

    Attributes:
        directory: where, files in a directory or tables at a URL; ``None`` keeps nothing.
        kinds: which topics.
        max_mib: MiB of all files together, at most; ``None`` for no limit.
        merge_files: files of one kind and day that are merged into one.
        merge_after: seconds without a new file after which a day that is over becomes one file.
        maintain_every: seconds between two looks at what is to be merged or deleted.
        keep_days: kind → days.
    """

    directory: Annotated[Place | None, BeforeValidator(place), UNSET]
    kinds: tuple[HistoryKind, ...]
    max_mib: Annotated[PositiveInt | None, UNSET]
    merge_files: Annotated[int, Field(ge=2)]
    merge_after: NonNegativeFloat
    maintain_every: PositiveFloat
    keep_days: dict[AnyKind, PositiveInt]
