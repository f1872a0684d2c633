"""How good choices are on streams: each is evaluated once on each stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import lru_cache
from itertools import repeat
from pathlib import Path
from typing import TypeAlias

import msgspec
from sklearn.metrics import average_precision_score, roc_auc_score
from threadpoolctl import threadpool_limits

from benchmarks.candidates import OUR_SOURCES, ours, promised
from benchmarks.fingerprint import fingerprint
from benchmarks.quality_metrics import smoothed
from benchmarks.results_cache import ResultsCache
from benchmarks.selection.choice import Choice, Worth, applied
from benchmarks.streams import LabelledStream, ManifestEntry, manifest, read
from config.errors import RecordingError
from dataflows.backtest.episodes import detection
from dataflows.detector import Parameters

SOURCES = (
    *OUR_SOURCES,
    "benchmarks/quality_metrics.py",
    "benchmarks/selection/evaluations.py",
    "benchmarks/streams.py",
    "dataflows/backtest/episodes.py",
)
LIBRARIES = ("numpy", "numba", "scikit-learn")


class Outcome(msgspec.Struct, frozen=True):
    """Figures of one choice on one stream, over the rows after its warm-up; scores smoothed over 10 rows.

    Attributes:
        roc_auc, average_precision: of the smoothed scores.
        normal_rows: rows without a label, of which `normal_flagged` were flagged, in `false_episodes`.
    """

    roc_auc: float
    average_precision: float
    normal_rows: int
    normal_flagged: int
    false_episodes: int


@dataclass(frozen=True, slots=True)
class KindFigures:
    """Figures of one choice on one kind of streams, or their means over several kinds.

    Attributes:
        roc_auc, average_precision: means over the streams.
        normal_flagged: share of the normal rows of all streams, 0–1.
        promised: share of normal rows that was promised to be flagged at most, 0–1.
        false_episodes_per_1000: per 1,000 normal rows of all streams.
    """

    roc_auc: float
    average_precision: float
    normal_flagged: float
    promised: float
    false_episodes_per_1000: float

    @classmethod
    def of(cls, outcomes: Sequence[Outcome], promised: float) -> KindFigures:
        """Figures over the streams of a kind."""
        normal = sum(one.normal_rows for one in outcomes)
        return cls(
            roc_auc=sum(one.roc_auc for one in outcomes) / len(outcomes),
            average_precision=sum(one.average_precision for one in outcomes) / len(outcomes),
            normal_flagged=sum(one.normal_flagged for one in outcomes) / normal,
            promised=promised,
            false_episodes_per_1000=1000.0 * sum(one.false_episodes for one in outcomes) / normal,
        )

    @classmethod
    def mean(cls, kinds: Sequence[KindFigures]) -> KindFigures:
        """Means over kinds, each of which counts the same."""
        names = cls.__dataclass_fields__
        return cls(**{name: sum(getattr(kind, name) for kind in kinds) / len(kinds) for name in names})

    @property
    def worth(self) -> Worth:
        """What a search goes by."""
        return Worth.of(self.roc_auc + self.average_precision, self.normal_flagged, self.promised)


@lru_cache(maxsize=64)
def _stream(directory: Path, entry: ManifestEntry, digest: str) -> LabelledStream:
    return read(directory, entry)


def evaluated(directory: Path, entry: ManifestEntry, digest: str, parameters: Parameters) -> Outcome:
    """Run a new detector over one stream, on one core; `digest` is that of the stream's file."""
    stream = _stream(directory, entry, digest)
    with threadpool_limits(limits=1):
        verdicts = ours(parameters, stream.values)
    label, scores = stream.label[entry.eval_from :], smoothed(verdicts.scores)[entry.eval_from :]
    assert verdicts.flagged is not None
    flagged = verdicts.flagged[entry.eval_from :]
    return Outcome(
        roc_auc=float(roc_auc_score(label, scores)),
        average_precision=float(average_precision_score(label, scores)),
        normal_rows=int((~label).sum()),
        normal_flagged=int(flagged[~label].sum()),
        false_episodes=detection(flagged, label).false_episodes,
    )


Streams: TypeAlias = Mapping[str, Mapping[ManifestEntry, str]]
"""Kind → its streams, each with the digest of its content."""


def usable_streams(directory: Path, leave_out: Callable[[str, str], None]) -> Streams:
    """The streams of a directory that can be measured, by kind: the dataset of the manifest.

    Args:
        directory: holds ``manifest.json``.
        leave_out: called with a file and the reason for everything else.

    Raises:
        RecordingError: the manifest cannot be read, or fewer than two kinds are left.
    """
    kinds: dict[str, dict[ManifestEntry, str]] = {}
    for entry in manifest(directory):
        try:
            stream = read(directory, entry)
        except RecordingError as error:
            leave_out(entry.file, str(error))
            continue
        label = stream.label[entry.eval_from :]
        if label.all() or not label.any():
            leave_out(entry.file, f"expected normal and anomalous rows from row {entry.eval_from} on")
        else:
            kinds.setdefault(entry.dataset, {})[entry] = stream.digest
    if len(kinds) < 2:
        raise RecordingError(
            f"{directory}: expected streams of at least two kinds, one to choose on and one to leave out, "
            f"got {', '.join(kinds) or 'none'}"
        )
    return kinds


class Evaluations:
    """Figures of choices, which are measured when they are asked for and not known yet.

    Args:
        directory: holds the streams.
        streams: as returned by `usable_streams`.
        base: parameters that a choice is applied to.
        cache: finished results.
        executor: runs the detectors; ``None`` for this process.
    """

    def __init__(
        self,
        directory: Path,
        streams: Streams,
        base: Parameters,
        cache: ResultsCache[Outcome],
        executor: Executor | None,
    ) -> None:
        self._directory, self._base = directory, base
        self._kinds = {kind: list(entries) for kind, entries in streams.items()}
        self._digests = {entry: digest for entries in streams.values() for entry, digest in entries.items()}
        self._cache, self._executor = cache, executor
        self._version = fingerprint(SOURCES, LIBRARIES)

    @property
    def kinds(self) -> list[str]:
        """All kinds of streams."""
        return list(self._kinds)

    def of(self, choices: Sequence[Choice], kinds: Sequence[str]) -> list[dict[str, KindFigures]]:
        """Figures of each choice on each of these kinds; no stream of another kind is looked at."""
        parameters = [applied(choice, self._base) for choice in choices]
        self._measure([(entry, one) for one in parameters for kind in kinds for entry in self._kinds[kind]])
        return [
            {
                kind: KindFigures.of([self._known(entry, one) for entry in self._kinds[kind]], promised(one))
                for kind in kinds
            }
            for one in parameters
        ]

    def _measure(self, wanted: Sequence[tuple[ManifestEntry, Parameters]]) -> None:
        missing = [pair for pair in wanted if self._cache.get(self._key(*pair)) is None]
        entries, parameters = [entry for entry, _ in missing], [one for _, one in missing]
        digests = [self._digests[entry] for entry in entries]
        run = map if self._executor is None else self._executor.map
        outcomes = run(evaluated, repeat(self._directory), entries, digests, parameters)
        for pair, outcome in zip(missing, outcomes, strict=True):
            self._cache.put(self._key(*pair), outcome)

    def _known(self, entry: ManifestEntry, parameters: Parameters) -> Outcome:
        outcome = self._cache.get(self._key(entry, parameters))
        assert outcome is not None
        return outcome

    def _key(self, entry: ManifestEntry, parameters: Parameters) -> str:
        return f"{self._version}/{self._digests[entry]}/{entry.eval_from}/{parameters!r}"
