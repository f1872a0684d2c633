"""The catalogue of metrics agrees with what jobs register, its page, the alert rules and the dashboard."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from prometheus_client import REGISTRY

import dataflows.fleet
import dataflows.notify
import dataflows.record  # noqa: F401
from dataflows.metrics import CATALOGUE
from dataflows.metrics.definition import Metric
from dataflows.metrics.table import BEGIN, END, PAGE, page, table
from tests.support.needs import need_package
from tests.support.paths import REPOSITORY
from tests.support.promql import metric_of, series, unknown

need_package("grafana_foundation_sdk")

from scripts.dashboard.__main__ import PAGE as DASHBOARD  # noqa: E402
from scripts.dashboard.__main__ import dashboard_json  # noqa: E402
from scripts.dashboard.panels import NOW, ROWS, queries  # noqa: E402

PROMETHEUS = REPOSITORY / "config" / "prometheus"
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((PROMETHEUS / "rules.yml").read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
CASES: list[dict[str, Any]] = yaml.safe_load(
    (REPOSITORY / "tests" / "data" / "prometheus" / "rules.yml").read_text(encoding="utf-8")
)["tests"]


def name_of(rule: dict[str, Any]) -> str:
    return str(rule["alert"])


def test_whatever_is_registered_is_in_the_catalogue() -> None:
    registered = {family.name for family in REGISTRY.collect() if family.name.startswith("fleet_")}
    assert registered == {metric.family for metric in CATALOGUE.values()}


@pytest.mark.parametrize("metric", CATALOGUE.values(), ids=lambda metric: metric.name)
def test_a_metric_is_named_as_prometheus_recommends_and_explained(metric: Metric) -> None:
    assert re.fullmatch(r"fleet_[a-z]+(_[a-z]+)*", metric.name)
    assert (metric.kind == "counter") == metric.name.endswith("_total")
    assert ("timestamp" in metric.name) == (metric.unit == "s since 1970")
    bare = metric.name.removesuffix("_total")
    assert bare.endswith("_seconds") == metric.unit.startswith("s")
    assert bare.endswith("_bytes") == (metric.unit == "bytes")
    assert metric.unit
    assert metric.jobs
    assert 10 < len(metric.meaning) < 200
    assert not metric.meaning.endswith(".")
    assert "|" not in metric.meaning


def test_the_page_about_metrics_is_current() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == page(text), "out of date; run python -m dataflows.metrics --write"


def test_a_page_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="expected the lines"):
        page(f"{BEGIN} but not {END[:-4]}")


def test_the_table_has_every_metric_once() -> None:
    rows = re.findall(r"^\| `(\w+)", table(), re.MULTILINE)
    assert sorted(rows) == sorted(CATALOGUE)


@pytest.mark.parametrize("rule", RULES, ids=name_of)
def test_a_rule_names_only_what_jobs_emit_and_says_what_to_do(rule: dict[str, Any]) -> None:
    assert unknown(rule["expr"]) == []
    assert rule["labels"]["severity"] in ("warning", "critical")
    assert set(rule["annotations"]) == {"summary", "action"}
    for label in re.findall(r"\$labels\.(\w+)", str(rule["annotations"])):
        labels = {label for name, _ in series(rule["expr"]) if (of := metric_of(name)) for label in of.labels}
        assert label in labels | {"job", "instance"}


@pytest.mark.parametrize("rule", RULES, ids=name_of)
def test_a_rule_is_tested_where_it_fires_and_where_it_does_not(rule: dict[str, Any]) -> None:
    of_rule = [one for case in CASES for one in case["alert_rule_test"] if one["alertname"] == rule["alert"]]
    fires = [one for one in of_rule if one.get("exp_alerts")]
    silent = [one for one in of_rule if not one.get("exp_alerts")]
    spared = [
        case
        for case in CASES
        for one in case["alert_rule_test"]
        if one in fires and len(one["exp_alerts"]) < len(case["input_series"])
    ]
    assert fires
    assert silent or spared


@pytest.mark.parametrize("query", queries())
def test_a_query_of_the_dashboard_names_only_what_jobs_emit(query: str) -> None:
    assert unknown(query) == []


@pytest.mark.parametrize("metric", CATALOGUE)
def test_the_dashboard_shows_every_metric(metric: str) -> None:
    shown = {of.name for query in queries() for name, _ in series(query) if (of := metric_of(name))}
    assert metric in shown


def test_a_legend_has_only_labels_that_its_query_keeps() -> None:
    for charts in ROWS.values():
        for chart in charts:
            for legend, query in chart.queries.items():
                (grouping,) = re.findall(r"by \(([^)]*)\)", query) or [""]
                kept = set(re.findall(r"\w+", grouping)) or {"job", "instance"}
                used = set(re.findall(r"\{\{(\w+)\}\}", legend))
                assert used <= kept or not grouping, f"{chart.title}: {legend}"
    assert all(unit and about for unit, _, about in NOW.values())


def test_the_dashboard_is_current() -> None:
    assert DASHBOARD.read_text(encoding="utf-8") == dashboard_json(), "run python -m scripts.dashboard"


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("sum(fleet_nothing_total)", "fleet_nothing_total"),
        ("fleet_events", "fleet_events"),
        ("fleet_latency_seconds", "fleet_latency_seconds"),
        ("fleet_events_total{state='ok'}", "fleet_events_total{state}"),
        ("sum by (kind) (fleet_events_total)", "by (kind)"),
        ("vector(0)", "no metric in 'vector(0)'"),
    ],
)
def test_a_wrong_query_is_noticed(query: str, problem: str) -> None:
    assert unknown(query) == [problem]
