"""A Prometheus histogram that takes a whole batch of values at once.

The client library's own takes one value a call, in Python: for the events of a batch, that would cost more
than scoring them.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from prometheus_client import REGISTRY, CollectorRegistry, Metric
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString


class BatchHistogram(Collector):
    """Counts values in buckets; several threads may do so.

    Args:
        name: of the metric.
        meaning: its help text.
        edges: inclusive upper bounds of the buckets, ascending; one more takes what is above.
        registry: where it is registered.
    """

    def __init__(
        self, name: str, meaning: str, edges: Sequence[float], registry: CollectorRegistry = REGISTRY
    ) -> None:
        self._name, self._meaning = name, meaning
        self._edges = np.array(edges, np.float64)
        self._counts = np.zeros(len(edges) + 1, np.int64)
        self._sum = 0.0
        self._lock = threading.Lock()
        registry.register(self)

    def observe(self, values: NDArray[np.float64]) -> None:
        """Count n values, shape (n,); what is below 0 counts as 0."""
        if not len(values):
            return
        values = np.maximum(values, 0.0)
        counts = np.bincount(np.searchsorted(self._edges, values), minlength=len(self._counts))
        total = float(values.sum())
        with self._lock:
            self._counts += counts
            self._sum += total

    def describe(self) -> Iterable[Metric]:
        """The family without its samples, as the registry asks for to know its name."""
        return [HistogramMetricFamily(self._name, self._meaning)]

    def collect(self) -> Iterable[Metric]:
        """The family with its buckets, which are cumulative."""
        with self._lock:
            cumulative, total = np.cumsum(self._counts).tolist(), self._sum
        bounds = [*map(floatToGoString, self._edges.tolist()), "+Inf"]
        buckets = list(zip(bounds, cumulative, strict=True))
        return [HistogramMetricFamily(self._name, self._meaning, buckets=buckets, sum_value=total)]
