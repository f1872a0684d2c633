"""The detectors that are compared: ours, chance, and peers. Each scores a row before it learns it."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import peers
from benchmarks.ablations import ABLATIONS, Build
from benchmarks.fingerprint import fingerprint
from config.settings import load
from dataflows.compiled import Floats
from dataflows.detector import Detector, Parameters
from dataflows.detector.alarm_rate import AlarmRate
from dataflows.score.models import parameters_of

SECOND = 1_000_000
VEHICLE = "vehicle"

OUR_SOURCES = (
    "config/fleet.toml",
    "dataflows/compiled/*.py",
    "dataflows/detector/*.py",
    "benchmarks/ablations.py",
    "benchmarks/candidates.py",
)
"""Files that the output of our detector depends on."""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """A detector's output for one stream.

    Attributes:
        scores: the higher, the more anomalous, shape (n,).
        flagged: its own verdicts, shape (n,); ``None`` if it gives none.
        promised: share of normal rows that it promises to flag at most; ``None`` if it promises nothing.
    """

    scores: Floats
    flagged: NDArray[np.bool_] | None = None
    promised: float | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A detector in the comparison.

    Attributes:
        name: as on the command line and in the report.
        run: called with a stream's values, shape (n, S), and its number of warm-up rows.
        modules: modules that must be importable.
        install: command that makes them so; by default ``pip install`` of those that are missing.
        sources: files that a cached result depends on.
        parameters: settings in force, on which it depends, too.
        by_name_only: run only if it is named on the command line.
    """

    name: str
    run: Callable[[Floats, int], Verdicts]
    modules: Sequence[str] = ()
    install: str = ""
    sources: Sequence[str] = ("benchmarks/peers.py",)
    parameters: Callable[[], str] = str
    by_name_only: bool = False

    @property
    def missing(self) -> list[str]:
        """Modules that are not installed."""
        return [module for module in self.modules if importlib.util.find_spec(module) is None]

    @property
    def remedy(self) -> str:
        """Command that installs what is missing."""
        return self.install or f"pip install {' '.join(map(_distribution, self.missing))}"

    @property
    def fingerprint(self) -> str:
        """A number that changes with the detector's code, its settings and the versions of its libraries."""
        return fingerprint(self.sources, [*map(_distribution, self.modules)], self.parameters())


def _distribution(module: str) -> str:
    return module.replace("_", "-")


def ours(parameters: Parameters, values: Floats, build: Build = Detector) -> Verdicts:
    """Our detector, or what `build` makes of it, on the stream of one vehicle that sends a row a second.

    All rows are passed in one call: the scores of a row are bit-identical however the stream is cut into
    calls, and every row is scored with what was learned from rows before it.
    """
    rows, signals = values.shape
    detector = build(parameters, [f"signal-{number}" for number in range(signals)])
    scores = detector.process([VEHICLE] * rows, np.arange(rows, dtype=np.int64) * SECOND, values)
    return Verdicts(scores.error, scores.anomaly, promised(parameters))


def promised(parameters: Parameters) -> float:
    """Share of the normal events of a vehicle that sends one a second that may be flagged, 0–1."""
    percentile, per_day = parameters.percentile, parameters.false_alarms_per_day
    return round(1.0 - AlarmRate(percentile=percentile, per_day=per_day, memory=1.0).level, 12)


def _ours(name: str, build: Build = Detector, *, by_name_only: bool = False, **changes: Any) -> Candidate:
    """Our detector with the settings in force, some of them changed, or without a part of it."""

    def parameters() -> Parameters:
        return replace(parameters_of(load().detector), **changes)

    return Candidate(
        name,
        lambda values, warm_up: ours(parameters(), values, build),
        modules=("numpy", "numba"),
        sources=OUR_SOURCES,
        parameters=lambda: repr(parameters()),
        by_name_only=by_name_only,
    )


def _random(values: Floats, warm_up: int) -> Verdicts:
    return Verdicts(np.random.default_rng(0).random(len(values)))


def _peer(score: Callable[[Floats, int], Floats]) -> Callable[[Floats, int], Verdicts]:
    return lambda values, warm_up: Verdicts(score(values, warm_up))


CANDIDATES = (
    _ours("ours"),
    _ours("ours-linear", by_name_only=True, reconstructor="linear"),
    _ours("ours-mlp", reconstructor="mlp"),
    Candidate("random", _random, sources=("benchmarks/candidates.py",)),
    Candidate("river-loda", _peer(peers.river_loda), ("river",)),
    Candidate("river-half-space-trees", _peer(peers.river_half_space_trees), ("river",)),
    Candidate("mahalanobis", _peer(peers.mahalanobis)),
    Candidate("ew-z-score", _peer(peers.ew_z_score), ("river",)),
    Candidate("pysad-xstream", _peer(peers.xstream), ("pysad",)),
    Candidate("pysad-kitnet", _peer(peers.kitnet), ("pysad",)),
    Candidate(
        "deep-river-autoencoder",
        _peer(peers.deep_river_autoencoder),
        ("deep_river", "torch"),
        # It needs an older version of River than the lock file has.
        install="make bench-peers",
    ),
    *(_ours(f"ours-no-{name}", build, by_name_only=True) for name, build in ABLATIONS.items()),
)
"""In the order of the report."""

GROUPS = {"ablations": ("ours", *(f"ours-no-{name}" for name in ABLATIONS))}
"""Names on the command line that stand for several candidates."""
