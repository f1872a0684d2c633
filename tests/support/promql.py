"""What a query in PromQL names, and whether the catalogue of metrics has it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dataflows.metrics import CATALOGUE
from dataflows.metrics.definition import Metric

OF_PROMETHEUS = {"job", "instance"}
"""Labels that every series gets when it is scraped."""

FOREIGN = re.compile(r"up|process_\w+")
"""Metrics of Prometheus and of its client library."""

_SERIES = re.compile(r"\b((?:fleet_|process_)\w+|up)\b(?:\{([^}]*)\})?")
_GROUPING = re.compile(r"\b(?:by|on|without|ignoring)\s*\(([^)]*)\)")


def series(query: str) -> Iterator[tuple[str, set[str]]]:
    """Names of the series of a query, each with the labels that it is selected by."""
    for name, selectors in _SERIES.findall(query):
        yield name, set(re.findall(r"(\w+)\s*(?:=|!)", selectors))


def metric_of(name: str) -> Metric | None:
    """The metric of the catalogue that a series belongs to."""
    suffix = next((end for end in ("_bucket", "_sum", "_count") if name.endswith(end)), "")
    metric = CATALOGUE.get(name.removesuffix(suffix))
    return metric if metric is not None and (metric.kind == "histogram") == bool(suffix) else None


def unknown(query: str) -> list[str]:
    """What a query names that no job emits: metrics, and labels that none of its metrics have."""
    found, labels, wrong = 0, set(OF_PROMETHEUS), []
    for name, selected in series(query):
        found += 1
        own: set[str] = set()
        if FOREIGN.fullmatch(name) is None:
            metric = metric_of(name)
            if metric is None:
                wrong.append(name)
                continue
            own = {*metric.labels, *(["le"] if metric.kind == "histogram" else [])}
        wrong += [f"{name}{{{label}}}" for label in sorted(selected - own - OF_PROMETHEUS)]
        labels |= own
    for group in _GROUPING.findall(query):
        wrong += [f"by ({label})" for label in re.findall(r"\w+", group) if label not in labels]
    return wrong if found else [f"no metric in {query!r}"]
