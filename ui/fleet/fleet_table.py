"""The table of vehicles, the worst first; clicking a vehicle chooses it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st
from pandas.io.formats.style import Styler

from config.settings import Settings
from dataflows.events import Alert, Severity
from ui import palette
from ui.descriptions import describe_anomaly, describe_implausible, describe_missing, describe_status
from ui.formatting import plain
from ui.live.fleet_state import FleetSnapshot, VehicleSnapshot

MAX_ROWS = 200
"""Vehicles in the table."""

COLUMNS = ["Vehicle", "Alert", "Severity", "Error", "State", "What stands out"]

RANK_EVERY = 3.0
"""Seconds between reorderings of the rows: a table that reorders twice a second cannot be read or clicked."""


def ranking(fleet: FleetSnapshot, stale_after: float) -> list[str]:
    """Vehicle ids, the worst first: anomalous vehicles, then the others, both by smoothed error.

    Silent vehicles come last, since their current state is unknown.
    """

    def badness(vehicle: VehicleSnapshot) -> tuple[bool, bool, float, str]:
        return (
            vehicle.silent(fleet.taken_at, stale_after),
            not vehicle.latest.is_anomaly,
            -vehicle.error_ratio,
            vehicle.vehicle_id,
        )

    return [vehicle.vehicle_id for vehicle in sorted(fleet.vehicles.values(), key=badness)]


def vehicle_frame(
    vehicles: Sequence[VehicleSnapshot], alerts: Mapping[str, Alert], now: float, settings: Settings
) -> pd.DataFrame:
    """One row per vehicle; ``Severity`` is a number, 0–100, everything else is text.

    Args:
        vehicles: in the order of the rows.
        alerts: vehicle id → its worst open alert.
        now: seconds since the epoch.
        settings: `page` and `signals` are used.
    """
    rows = []
    for vehicle in vehicles:
        event = vehicle.latest
        rows.append(
            {
                "Vehicle": button_label(event.vehicle_id),
                "Alert": alerts[event.vehicle_id].severity if event.vehicle_id in alerts else "",
                "Severity": event.severity,
                "Error": "" if event.anomaly_threshold is None else f"{vehicle.error_ratio:.1f} ×",
                "State": describe_status(vehicle, now, settings.page.stale_after),
                "What stands out": stands_out(vehicle, settings),
            }
        )
    return pd.DataFrame(rows, columns=COLUMNS)


def stands_out(vehicle: VehicleSnapshot, settings: Settings) -> str:
    """A description of the anomaly, of implausible and of missing values; empty if there are none."""
    event = vehicle.latest
    phrases = [describe_anomaly(event, settings.signals)] if event.is_anomaly else []
    if event.implausible:
        phrases.append(f"implausible: {describe_implausible(event, settings.signals)}")
    if event.status == "partial":
        phrases.append(describe_missing(event, settings.signals))
    return "; ".join(phrases)


def styled(frame: pd.DataFrame, row_styles: Sequence[str], alerts: Sequence[Alert | None]) -> Styler:
    """The table with one CSS style per row, and the colours of the alerts' severities."""
    styles = pd.DataFrame(
        [[style] * len(frame.columns) for style in row_styles], index=frame.index, columns=frame.columns
    )
    for row, alert in enumerate(alerts):
        if alert is not None:
            styles.iloc[row, COLUMNS.index("Alert")] = severity_style(alert.severity)
    return frame.style.apply(lambda _: styles, axis=None)


def severity_style(severity: Severity) -> str:
    """The CSS of a cell that names a severity, in the viewer's theme."""
    colours = palette.SEVERITY_ON_DARK if st.context.theme.type == "dark" else palette.SEVERITY
    background, text = colours[severity]
    return f"background-color: {background}; color: {text};"


def show_fleet_table(
    fleet: FleetSnapshot, alerts: Mapping[str, Alert], settings: Settings, height: int
) -> None:
    """Draw the table, `height` pixels high; the row of ``st.session_state.chosen`` is highlighted.

    Args:
        fleet: the vehicles.
        alerts: vehicle id → its worst open alert.
        settings: `page` and `signals` are used.
        height: in pixels.
    """
    order = _held_ranking(fleet, settings.page.stale_after)
    vehicles = [fleet.vehicles[vehicle_id] for vehicle_id in order[:MAX_ROWS]]
    frame = vehicle_frame(vehicles, alerts, fleet.taken_at, settings)
    row_styles = [_row_style(vehicle, fleet.taken_at, settings) for vehicle in vehicles]
    st.dataframe(
        styled(frame, row_styles, [alerts.get(vehicle.vehicle_id) for vehicle in vehicles]),
        key="fleet_table",
        hide_index=True,
        height=height,
        row_height=32,
        column_config={
            "Vehicle": vehicle_button("fleet_table_click"),
            "Alert": st.column_config.TextColumn(width=70, help="The worst open alert of the vehicle."),
            "Severity": st.column_config.ProgressColumn(
                format="%.0f",
                min_value=0,
                max_value=100,
                width=85,
                color=palette.EXPECTED,
                help="Of the latest event, 0–100: rises with its error, 50 is the threshold.",
            ),
            "Error": st.column_config.TextColumn(
                width=55,
                help="Smoothed error as a multiple of the threshold. Rows are sorted by it.",
            ),
            "State": st.column_config.TextColumn(width=80),
            "What stands out": st.column_config.TextColumn(width=440),
        },
    )
    if len(order) > MAX_ROWS:
        st.caption(f"The worst {MAX_ROWS} of {len(order):,} vehicles; choose any other one below.")
    if fleet.dropped:
        st.caption(f"{fleet.dropped:,} vehicles that had been silent longest are no longer shown.")


def vehicle_button(key: str, on_click: Callable[[str], None] | None = None) -> Any:
    """A column of vehicle names; clicking one chooses the vehicle, or calls `on_click` with `key`.

    Buttons instead of row selection: the browser identifies a selected row by its number, which belongs to
    another vehicle as soon as the order changes; a button reports the name that was clicked.
    """
    return st.column_config.ButtonColumn(
        width=110,
        type="tertiary",
        alignment="left",
        key=key,
        on_click=on_click or _choose_clicked,
        args=(key,),
    )


def vehicle_named(label: str, vehicle_ids: Iterable[str]) -> str | None:
    """The vehicle shown as `label`, the first one if several look alike; ``None`` if there is none."""
    return next((vehicle_id for vehicle_id in vehicle_ids if button_label(vehicle_id) == label), None)


def button_label(vehicle_id: str) -> str:
    """A vehicle id as the label of a button, where ``:material/...:`` must not become an icon."""
    return plain(vehicle_id).replace(":", ":\N{WORD JOINER}")


def choose_labelled(label: str) -> None:
    """Choose the vehicle that is shown as `label`, if there is one."""
    clicked = vehicle_named(label, st.session_state.get("ranking", []))
    if clicked is not None:
        st.session_state.chosen = clicked


def _choose_clicked(key: str) -> None:
    choose_labelled(st.session_state[key]["label"])


def _held_ranking(fleet: FleetSnapshot, stale_after: float) -> list[str]:
    held: list[str] = st.session_state.get("ranking", [])
    due = fleet.taken_at - st.session_state.get("ranked_at", 0.0) >= RANK_EVERY
    if (
        due
        or len(held) != len(fleet.vehicles)
        or any(vehicle_id not in fleet.vehicles for vehicle_id in held)
    ):
        held = ranking(fleet, stale_after)
        st.session_state.ranking, st.session_state.ranked_at = held, fleet.taken_at
    return held


def _row_style(vehicle: VehicleSnapshot, now: float, settings: Settings) -> str:
    silent = vehicle.silent(now, settings.page.stale_after)
    if silent:
        text = f"color: {palette.SILENT};"
    elif vehicle.latest.is_anomaly:
        text = f"color: {palette.ANOMALY};"
    else:
        text = ""
    chosen = vehicle.vehicle_id == st.session_state.get("chosen")
    return f"{text} background-color: {palette.CHOSEN_ROW};" if chosen else text
