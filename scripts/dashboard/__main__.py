"""``python -m scripts.dashboard``: write the Grafana dashboard of the jobs to config/grafana/fleet.json.

Import that file in Grafana and choose the Prometheus that scrapes the jobs. It is made here, so that panels
are a line each and every query can be checked against the catalogue of metrics.
"""

from __future__ import annotations

import json
from pathlib import Path
from string import ascii_uppercase

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import (
    LegendDisplayMode,
    LegendPlacement,
    StackingMode,
    TooltipDisplayMode,
)
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync, DataSourceRef

from scripts.dashboard.panels import NOW, ROWS, Chart

PAGE = Path(__file__).parents[2] / "config" / "grafana" / "fleet.json"
DATASOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
ACROSS = 24
"""Columns of Grafana's grid."""


def dashboard_json() -> str:
    """The dashboard as Grafana imports it."""
    board = (
        dashboard.Dashboard("Fleet telemetry")
        .uid("fleet-telemetry")
        .description("The jobs dataflows.fleet, dataflows.record and dataflows.notify; docs/metrics.md")
        .tags(["fleet-telemetry"])
        .time("now-3h", "now")
        .refresh("30s")
        .editable()
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .with_variable(dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
    )
    for title, (unit, query, about) in NOW.items():
        board = board.with_panel(
            stat.Panel()
            .title(title)
            .description(about)
            .datasource(DATASOURCE)
            .unit(unit)
            .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
            .height(4)
            .span(ACROSS // len(NOW))
            .with_target(_target("A", "", query))
        )
    for title, charts in ROWS.items():
        board = board.with_row(dashboard.Row(title))
        for chart in charts:
            board = board.with_panel(_panel(chart))
    return json.dumps(json.loads(JSONEncoder(sort_keys=True).encode(board.build())), indent=1) + "\n"


def _panel(chart: Chart) -> timeseries.Panel:
    panel = (
        timeseries.Panel()
        .title(chart.title)
        .description(chart.about)
        .datasource(DATASOURCE)
        .unit(chart.unit)
        .min(0.0)
        .height(8)
        .span(ACROSS // 2)
        .fill_opacity(20.0 if chart.stacked else 0.0)
        .legend(
            common.VizLegendOptions()
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
            .show_legend(True)
        )
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI))
    )
    if chart.stacked:
        panel = panel.stacking(common.StackingConfig().mode(StackingMode.NORMAL))
    for letter, (legend, query) in zip(ascii_uppercase, chart.queries.items(), strict=False):
        panel = panel.with_target(_target(letter, legend, query))
    return panel


def _target(letter: str, legend: str, query: str) -> prometheus.Dataquery:
    return prometheus.Dataquery().ref_id(letter).expr(query).legend_format(legend).datasource(DATASOURCE)


def main() -> None:
    """Write the file."""
    PAGE.write_text(dashboard_json(), encoding="utf-8")


if __name__ == "__main__":
    main()
