"""What the jobs keep in Bytewax's recovery store: plain data, each piece under its layout and version.

Bytewax pickles the state of every step and unpickles it at the next start. A pickle names the import path of
every class in it, so state that held our objects would be lost whenever a file moves. Therefore all state is
numbers, strings, bytes, NumPy arrays, and tuples, lists and dicts of these.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

from config.errors import SnapshotError

Stored: TypeAlias = tuple[str, int, Any]
"""Name and version of a layout, and the content."""

ARRAYS = frozenset(
    {
        ("numpy", "dtype"),
        ("numpy", "ndarray"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "scalar"),
    }
)
"""All that a pickle of plain data names, as (module, name): what rebuilds arrays and their scalars."""


class StateLayout(NamedTuple):
    """How a kind of state is laid out.

    Attributes:
        name: the kind.
        version: to be raised whenever the content changes its form.
    """

    name: str
    version: int

    def wrap(self, content: Any) -> Stored:
        """The content as it is stored."""
        return self.name, self.version, content

    def unwrap(self, stored: Any) -> Any:
        """The content of what was stored.

        Raises:
            SnapshotError: it has another layout or another version.
        """
        found = layout_of(stored)
        if found != self:
            raise SnapshotError(f"expected state with the layout {self}, got {found or 'state without one'}")
        return stored[2]

    def __str__(self) -> str:
        return f"{self.name!r} version {self.version}"


RECORDING = StateLayout("recording", 1)
"""Source: offset of the next message in a recording."""

MQTT = StateLayout("mqtt", 1)
"""Source: which messages of the session were read last, as identifiers and checksums."""

KAFKA = StateLayout("kafka", 1)
"""Source: (offset of the next message, id of the topic)."""

FILE = StateLayout("file", 1)
"""Sink: bytes up to which the file is complete."""

SHARD = StateLayout("shard", 1)
"""Scoring: the state of a shard's detector and of its drift detection, which have versions of their own."""

ALERTS = StateLayout("alerts", 2)
"""Alerts: what is known of a shard's vehicles, the alerts with what people did, and the mutes."""

FLEET_SILENCE = StateLayout("fleet-silence", 1)
"""Alerts: that of the whole fleet."""

ROLLUPS = StateLayout("rollups", 2)
"""Rollups: the unfinished runs of a shard's vehicles, and what is known of the time of each."""

ROLLUP = StateLayout("rollup", 1)
"""Rollups: what is known of a vehicle in a window that is still open."""

ROLLUP_TIME = StateLayout("rollup-time", 1)
"""Rollups: the watermark of a vehicle, microseconds."""

NOTIFICATIONS = StateLayout("notifications", 1)
"""Notifying: what a channel was told of alerts, and what it has still to be told."""

HISTORY = StateLayout("history", 1)
"""Sink: nothing."""

LAYOUTS = {
    layout.name: layout
    for layout in (
        RECORDING,
        MQTT,
        KAFKA,
        FILE,
        SHARD,
        ALERTS,
        FLEET_SILENCE,
        ROLLUPS,
        ROLLUP,
        ROLLUP_TIME,
        NOTIFICATIONS,
        HISTORY,
    )
}


def layout_of(stored: Any) -> StateLayout | None:
    """The layout that state says it has; ``None`` for state that has none."""
    match stored:
        case (str(name), int(version), _):
            return StateLayout(name, version)
    return None


def check_layout(stored: Any) -> None:
    """Check that state can be read by this version, whatever kind of state it is.

    Raises:
        SnapshotError: it has no layout, an unknown one, or another version of one.
    """
    found = layout_of(stored)
    if found is None:
        raise SnapshotError("expected state with a layout version, got state without one")
    if found.name not in LAYOUTS:
        names = ", ".join(map(repr, LAYOUTS))
        raise SnapshotError(f"expected state with one of the layouts {names}, got {found}")
    LAYOUTS[found.name].unwrap(stored)


def unpickle(pickled: bytes, also: Callable[[str, str], bool] = lambda *_: False) -> Any:
    """Unpickle plain data, and refuse whatever names anything else before it is imported or called.

    This is not a sandbox: it promises nothing about data crafted against NumPy's own constructors. But it
    refuses what cannot be ours, such as ``os.system``.

    Args:
        pickled: what ``pickle.dumps`` returned.
        also: says of a module and a name in it whether it is allowed besides `ARRAYS`. What it allows must
            still be defined in that very module, so no module gives access to what it merely imports.

    Raises:
        SnapshotError: the pickle names something else, or is damaged.
    """
    try:
        return _Unpickler(io.BytesIO(pickled), also).load()
    except SnapshotError:
        raise
    except Exception as error:
        # A damaged pickle can fail in any opcode.
        raise SnapshotError(
            f"expected a pickle, got damaged data ({type(error).__name__}: {error})"
        ) from None


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, also: Callable[[str, str], bool]) -> None:
        super().__init__(file)
        self._also = also

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in ARRAYS or ("." not in name and self._also(module, name)):
            found = super().find_class(module, name)
            if getattr(found, "__module__", None) == module:
                return found
        raise SnapshotError(f"expected numbers, strings, arrays and collections of them, got {module}.{name}")
