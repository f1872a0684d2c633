"""The map on the page: which vehicles, in which colours, and a view that stays where the viewer put it."""

from __future__ import annotations

import streamlit as st

from config.settings import Settings
from ui import palette
from ui.descriptions import describe_anomaly, describe_status, unit_of
from ui.fleet import fleet_map
from ui.formatting import number, plain, quantity
from ui.live.fleet_state import FleetSnapshot, VehicleSnapshot

_WIDTH = 680
"""Pixels, roughly: the browser decides."""

_SETTLING = 60.0
"""Seconds during which the first view may grow with a fleet whose vehicles are only just appearing."""


def show_map(fleet: FleetSnapshot, settings: Settings, height: int) -> None:
    """Draw the map, `height` pixels high, or say why there is none."""
    latitude, longitude = settings.page.latitude, settings.page.longitude
    if not {latitude, longitude} <= settings.signals.keys():
        st.info(
            f"No map: `[page]` reads the position from the signals `{latitude}` and `{longitude}`, "
            "which are not both in the signal catalogue."
        )
        return
    located = [vehicle for vehicle in fleet.vehicles.values() if vehicle.track]
    if not located:
        st.info("No map yet: no event has contained a position.")
        return
    extent = _held_extent(fleet, located)
    shown = sorted(
        (_drawn(vehicle, fleet.taken_at, settings) for vehicle in located),
        key=lambda vehicle: (vehicle.chosen, vehicle.emphasis),
    )
    st.pydeck_chart(fleet_map.deck(shown, extent, height, _WIDTH), key="fleet_map", height=height)
    caption, button = st.columns([4, 1], vertical_alignment="center")
    caption.caption(
        f"Grid {number(extent.grid_step)} km · :blue[normal] · :orange[near the threshold] · :red[anomaly] · "
        ":gray[silent]"
    )
    button.button("Show all", key="show_all", on_click=_refit, width="stretch", type="tertiary",
                  icon=":material/fit_screen:")  # fmt: skip


def _drawn(vehicle: VehicleSnapshot, now: float, settings: Settings) -> fleet_map.MapVehicle:
    event = vehicle.latest
    silent = vehicle.silent(now, settings.page.stale_after)
    state = describe_status(vehicle, now, settings.page.stale_after)
    lines = [plain(event.vehicle_id), f"{state}, severity {event.severity:.0f}"]
    if event.is_anomaly:
        lines.append(describe_anomaly(event, settings.signals))
    speed = event.values.get("speed")
    if speed is not None:
        lines.append(f"speed {quantity(speed, unit_of('speed', settings.signals))}")
    chosen = event.vehicle_id == st.session_state.get("chosen")
    if silent:
        colour = palette.SILENT_DOT
    elif event.status == "warming_up":
        colour = palette.WARMING_UP_DOT
    else:
        colour = palette.severity_colour(event.severity, event.is_anomaly)
    return fleet_map.MapVehicle(
        name=plain(event.vehicle_id, 24),
        tooltip="\n".join(lines),
        track=vehicle.track,
        colour=colour,
        emphasis=chosen or (event.is_anomaly and not silent),
        chosen=chosen,
    )


def _held_extent(fleet: FleetSnapshot, located: list[VehicleSnapshot]) -> fleet_map.Extent:
    held: fleet_map.Extent | None = st.session_state.get("extent")
    settling = held is not None and fleet.taken_at - st.session_state.extent_since < _SETTLING
    if held is None or (settling and len(located) >= 2 * st.session_state.extent_vehicles):
        held = _fit(located, held.generation if held else 0)
        st.session_state.setdefault("extent_since", fleet.taken_at)
        st.session_state.extent, st.session_state.extent_vehicles = held, len(located)
    elif st.session_state.pop("refit", False):
        held = st.session_state.extent = _fit(located, held.generation + 1)
    return held


def _fit(located: list[VehicleSnapshot], generation: int) -> fleet_map.Extent:
    return fleet_map.Extent.around((vehicle.track[-1] for vehicle in located), generation)


def _refit() -> None:
    st.session_state.refit = True
