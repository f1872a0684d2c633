"""The histogram that takes batches agrees with that of the client library, which takes single values."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from dataflows.metrics.batch_histogram import BatchHistogram

EDGES = [0.01, 0.1, 1.0, 10.0]


def exposed(registry: CollectorRegistry) -> dict[tuple[str, str], float]:
    text = generate_latest(registry).decode()
    return {
        (sample.name, sample.labels.get("le", "")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


@pytest.mark.parametrize("values", [[], [0.5], [0.01, 0.1, 1.0, 10.0, 10.001, 1e9], [0.0, 0.0, 5.0]])
def test_a_batch_is_counted_as_its_values_are_one_by_one(values: list[float]) -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    batch = BatchHistogram("seconds", "time", EDGES, ours)
    single = Histogram("seconds", "time", buckets=EDGES, registry=theirs)
    batch.observe(np.array(values))
    for value in values:
        single.observe(value)
    assert exposed(ours) == exposed(theirs)


def test_what_is_negative_counts_as_nothing() -> None:
    registry = CollectorRegistry()
    BatchHistogram("seconds", "time", EDGES, registry).observe(np.array([-5.0, 0.5]))
    assert exposed(registry)["seconds_sum", ""] == 0.5
    assert exposed(registry)["seconds_bucket", "0.01"] == 1


def test_nothing_is_lost_when_threads_count_at_once() -> None:
    registry = CollectorRegistry()
    histogram = BatchHistogram("seconds", "time", EDGES, registry)

    def count() -> None:
        for _ in range(200):
            histogram.observe(np.full(10, 0.5))

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert exposed(registry)["seconds_count", ""] == 8_000
    assert exposed(registry)["seconds_sum", ""] == pytest.approx(4_000)


def test_of_two_with_one_name_the_second_is_refused() -> None:
    registry = CollectorRegistry()
    BatchHistogram("seconds", "time", EDGES, registry)
    with pytest.raises(ValueError, match="Duplicated"):
        BatchHistogram("seconds", "time", EDGES, registry)
