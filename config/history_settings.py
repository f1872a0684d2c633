"""The section ``[history]``: what ``dataflows.record`` keeps, where, and for how long."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from config.section import UNSET, Section

# As in `dataflows.history.kinds`.
HistoryKind = Literal["telemetry", "events", "alerts", "actions", "rollups", "commands", "answers", "late"]
AnyKind = HistoryKind | Literal["unreadable"]


class HistorySettings(Section):
    """What is kept; described in ``docs/history.md``.

    Attributes:
        directory: where; ``None`` keeps nothing.
        kinds: which topics.
        max_mib: MiB of all files together, at most; ``None`` for no limit.
        merge_files: files of one kind and day that are merged into one.
        merge_after: seconds without a new file after which a day that is over becomes one file.
        maintain_every: seconds between two looks at what is to be merged or deleted.
        keep_days: kind → days.
    """

    directory: Annotated[Path | None, UNSET]
    kinds: tuple[HistoryKind, ...]
    max_mib: Annotated[PositiveInt | None, UNSET]
    merge_files: Annotated[int, Field(ge=2)]
    merge_after: NonNegativeFloat
    maintain_every: PositiveFloat
    keep_days: dict[AnyKind, PositiveInt]
