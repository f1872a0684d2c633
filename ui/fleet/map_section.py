"""The map on the page: which vehicles are on it, in which tones, and what is said of them."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from config.settings import Settings
from dataflows.events import Alert
from ui.alerts.alert_words import sentence
from ui.descriptions import describe_anomaly, describe_status, unit_of
from ui.formatting import quantity
from ui.live.fleet_state import FleetSnapshot, VehicleSnapshot
from ui.live.track import heading
from ui.map.view import MapVehicle, Tone, show_map

KEY = "fleet_map"


def show_fleet_map(
    fleet: FleetSnapshot, alerts: Mapping[str, Alert], settings: Settings, height: int
) -> None:
    """Draw the map, `height` pixels high, or say why there is none.

    Args:
        fleet: the vehicles; that of ``st.session_state.chosen`` is marked, and a click chooses another.
        alerts: vehicle id → its worst open alert.
        settings: `page`, `signals` and `rollups` are used.
        height: in pixels.
    """
    latitude, longitude = settings.page.latitude, settings.page.longitude
    if not {latitude, longitude} <= settings.signals.keys():
        st.info(
            f"No map: `[page]` reads the position from the signals `{latitude}` and `{longitude}`, "
            "which are not both in the signal catalogue."
        )
        return
    vehicles = map_vehicles(fleet, alerts, settings)
    if not vehicles:
        st.info("No map yet: no event has contained a position.")
        return
    chosen = st.session_state.get("chosen")
    show_map(settings, KEY, vehicles, chosen=chosen, height=height, on_click=_choose)


def map_vehicles(
    fleet: FleetSnapshot, alerts: Mapping[str, Alert], settings: Settings
) -> tuple[MapVehicle, ...]:
    """The vehicles that have a position; arguments as of `show_fleet_map`."""
    return tuple(
        _drawn(vehicle, alerts.get(vehicle.vehicle_id), fleet.taken_at, settings)
        for vehicle in fleet.vehicles.values()
        if vehicle.track
    )


def _drawn(vehicle: VehicleSnapshot, alert: Alert | None, now: float, settings: Settings) -> MapVehicle:
    event = vehicle.latest
    state = describe_status(vehicle, now, settings.page.stale_after)
    lines = [f"{state}, severity {event.severity:.0f}"]
    if alert is not None:
        lines.insert(0, sentence(alert))
    elif event.is_anomaly:
        lines.append(describe_anomaly(event, settings.signals))
    speed = _speed(vehicle, settings)
    if speed is not None:
        name, value = speed
        lines.append(f"{name} {quantity(value, unit_of(name, settings.signals))}")
    stands = speed is not None and speed[1] < settings.rollups.moving_above
    return MapVehicle(
        vehicle.vehicle_id,
        vehicle.track,
        _tone(vehicle, alert, now, settings),
        tuple(lines),
        None if stands else heading(vehicle.track),
    )


def _tone(vehicle: VehicleSnapshot, alert: Alert | None, now: float, settings: Settings) -> Tone:
    if alert is not None:
        return alert.severity
    if vehicle.silent(now, settings.page.stale_after):
        return "silent"
    return "warming_up" if vehicle.latest.status == "warming_up" else "ok"


def _speed(vehicle: VehicleSnapshot, settings: Settings) -> tuple[str, float] | None:
    """The signal that measures the speed, and its value."""
    for name, signal in settings.signals.items():
        if signal.measures == "speed" and (value := vehicle.latest.values.get(name)) is not None:
            return name, value
    return None


def _choose(vehicle_id: str) -> None:
    st.session_state.chosen = vehicle_id
