"""River's objects as bytes, to be read by the version of River that wrote them and by nothing else.

River has no format for the state of its detectors. They are nested objects, some of them compiled: half-space
trees are branches and leaves, a one-class SVM holds an optimiser and a vector written in Rust. Their classes
and private attributes change from version to version; the nodes of half-space trees, for example, are other
classes in 0.26 than in 0.25. A format of our own would have to follow each of them, so we keep what River
itself supports, a pickle.

Such a pickle names River's classes, none of ours. It is stored as bytes, which the engine does not look into.
We read it only if the installed version wrote it, and only if everything it names belongs to River's models
or is one of a few harmless types of the standard library.
"""

from __future__ import annotations

import pickle
from importlib.metadata import version
from typing import Any

from dataflows.stored_state import unpickle

VERSION = version("river")
"""Of River, which writes and reads them."""

MODELS = frozenset(
    {"_river_rust", "anomaly", "neighbors", "optim", "preprocessing", "sketch", "stats", "tree", "utils"}
)
"""Packages of River that its detectors and scalers consist of. None of them opens files or connections."""

STANDARD = frozenset(
    {
        *(("builtins", name) for name in ("dict", "float", "int", "list", "set", "tuple")),
        *(("collections", name) for name in ("Counter", "OrderedDict", "defaultdict", "deque")),
        ("functools", "partial"),
        ("random", "Random"),
    }
)
"""What they hold of the standard library, as (module, name)."""


def dump(scaler: Any, detector: Any) -> bytes:
    """A scaler and a detector of River's as bytes."""
    return pickle.dumps((scaler, detector))


def load(dumped: bytes) -> tuple[Any, Any]:
    """The scaler and the detector that were dumped.

    Raises:
        SnapshotError: there is something else in it, or it is damaged.
    """
    scaler, detector = unpickle(dumped, _is_allowed)
    return scaler, detector


def _is_allowed(module: str, name: str) -> bool:
    package, _, rest = module.partition(".")
    return (module, name) in STANDARD or (package == "river" and rest.split(".")[0] in MODELS)
