"""The map as other parts of the page use it: the call that draws it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from config.errors import SettingsError
from config.settings import Settings
from ui import palette
from ui.assets import component
from ui.formatting import markdown
from ui.map.base_map import opened
from ui.map.base_map_routes import address_of
from ui.map.message import packed
from ui.map.vehicles import ALERTS, COUNTED, TONES, WORDS, MapRoute, MapVehicle, Tone

__all__ = ["MapRoute", "MapVehicle", "Tone", "show_map"]

TAIL_DECIMALS = 5
"""Of degrees: a metre."""

_map = component("fleet_map", "map.js")

_TONES = [
    [
        tone,
        WORDS[tone],
        COUNTED[tone],
        tone in ALERTS,
        palette.MAP_TONES[tone],
        palette.MAP_TONES_ON_DARK[tone],
    ]
    for tone in TONES
]


def show_map(
    settings: Settings,
    key: str,
    vehicles: Sequence[MapVehicle],
    *,
    chosen: str | None = None,
    route: MapRoute | None = None,
    height: int = 460,
    on_click: Callable[[str], None] | None = None,
) -> None:
    """Draw a map.

    The browser keeps the part of the world that the viewer has moved to, as long as `key` is the same and the
    page is not reloaded.

    Args:
        settings: `page.base_map` is used.
        key: unique on the page.
        vehicles: in any order. Viewers who are shown the same sequence share what is computed from it; so it
            must not change later.
        chosen: id of the vehicle that has a ring and always its label.
        route: drawn below the vehicles.
        height: of the map, pixels; the legend is below.
        on_click: called in a widget's callback with the id of a vehicle that has been clicked.
    """

    def clicked() -> None:
        vehicle_id = st.session_state[key].get("clicked")
        if on_click is not None and any(vehicle.vehicle_id == vehicle_id for vehicle in vehicles):
            on_click(vehicle_id)

    address, trouble = _base_map(settings)
    if trouble:
        st.warning(trouble, icon=":material/map:")
    shown = map_settings(key, height, address, vehicles, chosen, route)
    _map(key=key, data=packed(shown, vehicles, route), on_clicked_change=clicked)


def map_settings(
    key: str,
    height: int,
    base: str | None,
    vehicles: Sequence[MapVehicle],
    chosen: str | None,
    route: MapRoute | None,
) -> dict[str, Any]:
    """What the browser has to know of a map besides its vehicles; arguments as of `show_map`.

    Args:
        base: address of the base map.
    """
    return {
        "key": key,
        "height": height,
        "base": base,
        "chosen": chosen,
        "tail": _tail(vehicles, chosen) if chosen is not None and route is None else [],
        "tones": _TONES,
    }


def _tail(vehicles: Sequence[MapVehicle], chosen: str) -> list[tuple[float, float]]:
    """The whole tail of a vehicle; the others' are shortened."""
    track = next((vehicle.track for vehicle in vehicles if vehicle.vehicle_id == chosen), ())
    return [(round(north, TAIL_DECIMALS), round(east, TAIL_DECIMALS)) for north, east in track[:-1]]


def _base_map(settings: Settings) -> tuple[str | None, str]:
    """Address of the base map, and why there is none."""
    if settings.page.base_map is None:
        return None, ""
    try:
        return address_of(opened(settings.page.base_map)), ""
    except SettingsError as error:
        return None, f"No base map: {markdown(str(error), 400)}"
