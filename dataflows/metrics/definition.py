"""How a metric is defined: once, with its name, kind, unit, meaning and the jobs that have it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from prometheus_client import Counter, Gauge

from dataflows.metrics.batch_histogram import BatchHistogram

Job = Literal["fleet", "record", "notify"]
Kind = Literal["counter", "gauge", "histogram"]

FLEET: tuple[Job, ...] = ("fleet",)
RECORD: tuple[Job, ...] = ("record",)
NOTIFY: tuple[Job, ...] = ("notify",)
EVERY_JOB: tuple[Job, ...] = (*FLEET, *RECORD, *NOTIFY)


class Metric(NamedTuple):
    """An entry of the catalogue.

    Attributes:
        name: as it is queried, a counter's with ``_total``; a histogram also has ``_bucket``, ``_sum`` and
            ``_count``.
        kind: of Prometheus.
        unit: of its values.
        meaning: what it counts or measures, and what follows from it.
        labels: names of its labels.
        jobs: that serve it.
    """

    name: str
    kind: Kind
    unit: str
    meaning: str
    labels: tuple[str, ...]
    jobs: tuple[Job, ...]

    @property
    def family(self) -> str:
        """Name of the family that the client library calls it by."""
        return self.name.removesuffix("_total") if self.kind == "counter" else self.name


CATALOGUE: dict[str, Metric] = {}
"""Name → metric, in the order of the table."""


def counter(name: str, unit: str, meaning: str, jobs: tuple[Job, ...], labels: Sequence[str] = ()) -> Counter:
    """Define what only rises, until the process ends; its `name` is written without ``_total``."""
    _define(f"{name}_total", "counter", unit, meaning, jobs, labels)
    return Counter(name, meaning, labels)


def gauge(name: str, unit: str, meaning: str, jobs: tuple[Job, ...], labels: Sequence[str] = ()) -> Gauge:
    """Define what rises and falls."""
    _define(name, "gauge", unit, meaning, jobs, labels)
    return Gauge(name, meaning, labels)


def histogram(
    name: str, unit: str, meaning: str, jobs: tuple[Job, ...], edges: Sequence[float]
) -> BatchHistogram:
    """Define a distribution; `edges` are the upper bounds of its buckets, ascending."""
    _define(name, "histogram", unit, meaning, jobs, ())
    return BatchHistogram(name, meaning, edges)


def _define(
    name: str, kind: Kind, unit: str, meaning: str, jobs: tuple[Job, ...], labels: Sequence[str]
) -> None:
    CATALOGUE[name] = Metric(name, kind, unit, meaning, tuple(labels), jobs)
