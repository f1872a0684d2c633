"""The map on the page: which vehicles are on it, in which tones, and what is said of them."""

from __future__ import annotations

from functools import lru_cache

import streamlit as st

from config.settings import Settings
from dataflows.events import Alert
from ui.alerts.alert_words import sentence
from ui.descriptions import describe_anomaly, unit_of
from ui.fleet.overview import Overview, Show
from ui.fleet.selection import choose
from ui.formatting import plain
from ui.live.fleet_state import VehicleSnapshot
from ui.live.track import heading
from ui.map.view import MapVehicle, Tone, show_map

HEIGHT = 480
"""Pixels."""

KEY = "fleet_map"


def show_fleet_map(overview: Overview, show: Show, chosen: str | None) -> None:
    """Draw the map, or say why there is none.

    Args:
        overview: the vehicles.
        show: which of them; the chosen one is shown in any case.
        chosen: id of the vehicle that is marked.
    """
    page = overview.settings.page
    if not {page.latitude, page.longitude} <= overview.settings.signals.keys():
        st.info(
            f"No map: `[page]` reads the position from the signals `{page.latitude}` and `{page.longitude}`, "
            "which are not both in the signal catalogue.",
            icon=":material/map:",
        )
        return
    if not any(vehicle.track for vehicle in overview.fleet.vehicles.values()):
        st.info("No map yet: no event has contained a position.", icon=":material/map:")
        return
    vehicles = drawn(overview, show, chosen)
    show_map(overview.settings, KEY, vehicles, chosen=chosen, height=HEIGHT, on_click=choose)


@lru_cache(maxsize=8)
def drawn(overview: Overview, show: Show, chosen: str | None) -> tuple[MapVehicle, ...]:
    """The vehicles with a position, as the map draws them; viewers who are shown the same share them."""
    names = overview.names_in(show)
    if chosen is not None:
        names = names | {chosen}
    if len(_KNOWN) > 2 * len(overview.fleet.vehicles) + 100:
        _KNOWN.clear()
    return tuple(_drawn(name, overview) for name in names if overview.fleet.vehicles[name].track)


_KNOWN: dict[str, tuple[VehicleSnapshot, Alert | None, Tone, MapVehicle]] = {}
"""What was drawn last of each vehicle, and of what: most have not sent anything since."""


def _drawn(name: str, overview: Overview) -> MapVehicle:
    vehicle, alert, tone = (
        overview.fleet.vehicles[name],
        overview.alerts.worst.get(name),
        overview.tones[name],
    )
    known = _KNOWN.get(name)
    if known is not None and known[0] is vehicle and known[1] is alert and known[2] == tone:
        return known[3]
    made = MapVehicle(
        name, vehicle.track, tone, _lines(vehicle, alert, overview), _heading(vehicle, overview.settings)
    )
    _KNOWN[name] = vehicle, alert, tone, made
    return made


def _lines(vehicle: VehicleSnapshot, alert: Alert | None, overview: Overview) -> tuple[str, ...]:
    """Of the tooltip: what is wrong, if anything is, severity and speed."""
    event, signals = vehicle.latest, overview.settings.signals
    facts = f"severity {event.severity:.0f}"
    if (speed := speed_of(vehicle, overview.settings)) is not None:
        name, value = speed
        facts += f" · {plain(name)} {value:.0f} {unit_of(name, signals)}"
    if alert is not None:
        return sentence(alert), facts
    return (f"anomalous: {describe_anomaly(event, signals)}", facts) if event.is_anomaly else (facts,)


def _heading(vehicle: VehicleSnapshot, settings: Settings) -> float | None:
    """Where it drives to, degrees; ``None`` if it stands, or nobody knows."""
    speed = speed_of(vehicle, settings)
    stands = speed is not None and speed[1] < settings.rollups.moving_above
    return None if stands else heading(vehicle.track)


def speed_of(vehicle: VehicleSnapshot, settings: Settings) -> tuple[str, float] | None:
    """The signal that measures the speed, and its value."""
    for name, signal in settings.signals.items():
        if signal.measures == "speed" and (value := vehicle.latest.values.get(name)) is not None:
            return name, value
    return None
