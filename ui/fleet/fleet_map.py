"""The map: vehicles and their trails on a kilometre grid, without map tiles from external servers."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pydeck

from ui import palette
from ui.live.track import METRES_PER_DEGREE, heading

MAX_TRAILS = 300
"""Vehicles that are drawn with their trail."""

GRID_STEPS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0)
"""Kilometres between grid lines, to choose from."""

MARGIN = 1.25
"""The first view shows this many times the width or height of what must be visible."""

CORNER = 0.15
"""Share of the width that the label of a latitude takes up at most, at the left edge."""

ARROW = Path(__file__).with_name("arrow.png")
"""A white arrow that points up, on a transparent background. A PNG, since deck.gl cannot tint an SVG."""

ARROW_SIZE = 64
"""Width and height of `ARROW` in pixels."""

_ICONS = {"arrow": {"x": 0, "y": 0, "width": ARROW_SIZE, "height": ARROW_SIZE, "mask": True}}


@dataclass(frozen=True, slots=True)
class MapVehicle:
    """A vehicle as the map draws it.

    Attributes:
        name: its label, untrusted text.
        tooltip: lines of text, untrusted.
        track: (latitude, longitude) in degrees, oldest first, not empty.
        colour: of the vehicle.
        emphasis: drawn larger and with its label: an anomaly, or the chosen vehicle.
        chosen: drawn with a ring.
    """

    name: str
    tooltip: str
    track: Sequence[tuple[float, float]]
    colour: palette.Rgba
    emphasis: bool
    chosen: bool


@dataclass(frozen=True, slots=True)
class Extent:
    """A rectangle in degrees, and how many times it has been refitted."""

    south: float
    west: float
    north: float
    east: float
    generation: int = 0

    @classmethod
    def around(cls, positions: Iterable[tuple[float, float]], generation: int = 0) -> Extent:
        """The smallest rectangle with every (latitude, longitude), at least a kilometre wide and high."""
        latitudes, longitudes = zip(*positions, strict=True)
        least = 500.0 / METRES_PER_DEGREE
        latitude, longitude = (min(latitudes) + max(latitudes)) / 2, (min(longitudes) + max(longitudes)) / 2
        squeeze = max(0.05, math.cos(math.radians(latitude)))
        half_height = max(least, (max(latitudes) - min(latitudes)) / 2)
        half_width = max(least / squeeze, (max(longitudes) - min(longitudes)) / 2)
        return cls(
            latitude - half_height,
            longitude - half_width,
            latitude + half_height,
            longitude + half_width,
            generation,
        )

    @property
    def centre(self) -> tuple[float, float]:
        """Latitude and longitude of the centre, degrees."""
        return (self.south + self.north) / 2, (self.west + self.east) / 2

    @property
    def squeeze(self) -> float:
        """Metres per degree of longitude divided by metres per degree of latitude."""
        return max(0.05, math.cos(math.radians(self.centre[0])))

    @property
    def grid_step(self) -> float:
        """Kilometres between grid lines: about eight lines across the longer side of the rectangle."""
        longer = max(self.north - self.south, (self.east - self.west) * self.squeeze)
        kilometres = longer * METRES_PER_DEGREE / 1000.0
        return next((step for step in GRID_STEPS if step >= kilometres / 8), GRID_STEPS[-1])

    def view(self, height: int, width: int) -> pydeck.ViewState:
        """The view that shows the whole rectangle.

        The page leaves the map where the viewer moved it as long as it gets an identical view. So that "show
        all" is a different view, each generation shifts it by less than a pixel.

        Args:
            height, width: of the map, roughly, in pixels.
        """
        latitude, longitude = self.centre
        spans = ((self.east - self.west) / width, (self.north - self.south) / self.squeeze / height)
        zoom = math.log2(360.0 / 512.0 / (max(spans) * MARGIN))
        nudge = self.generation * 1e-7
        return pydeck.ViewState(
            latitude=latitude + nudge, longitude=longitude + nudge, zoom=min(max(zoom, 1.0), 16.0)
        )


def deck(vehicles: Sequence[MapVehicle], extent: Extent, height: int, width: int) -> pydeck.Deck:
    """The map as a pydeck object: grid, trails, vehicles, names, tooltips.

    Args:
        vehicles: in drawing order, the important ones last, on top.
        extent: what the first view shows; an unchanged extent leaves the current view alone.
        height, width: of the map, roughly, in pixels.
    """
    lines, labels = _grid(extent)
    shown = [_row(vehicle) for vehicle in vehicles]
    trails = [_trail(vehicle) for vehicle in vehicles[-MAX_TRAILS:] if len(vehicle.track) > 1]
    layers = [
        _layer("PathLayer", "grid", lines, get_path="path", get_color=palette.GRID_LINE, get_width=1,
               width_units="'pixels'"),
        _text_layer("grid-labels", labels, palette.GRID_LABEL, 11, "'start'", [4, -8]),
        _layer("PathLayer", "trails", trails, get_path="path", get_color="colour", get_width=2.5,
               width_units="'pixels'", joint_rounded=True, cap_rounded=True),
        _layer("ScatterplotLayer", "ring", [row for row in shown if row["chosen"]], get_position="position",
               get_radius=15, radius_units="'pixels'", filled=False, stroked=True, get_line_color="colour",
               get_line_width=2, line_width_units="'pixels'"),
        _layer("ScatterplotLayer", "standing", [row for row in shown if row["angle"] is None],
               get_position="position", get_radius="radius", radius_units="'pixels'",
               get_fill_color="colour", pickable=True),
        _layer("IconLayer", "moving", [row for row in shown if row["angle"] is not None],
               get_position="position", icon_atlas=f"'{_arrow()}'", icon_mapping=_ICONS,
               get_icon="icon", get_size="size", get_color="colour",
               get_angle="angle", pickable=True),
        _text_layer("names", [row for row in shown if row["emphasis"]],
                    palette.LABEL, 13, "'start'", [20, 0]),
    ]  # fmt: skip
    return pydeck.Deck(
        layers=layers,
        initial_view_state=extent.view(height, width),
        map_provider=None,
        # Text, not HTML: the name of a vehicle is never interpreted.
        tooltip={"text": "{tooltip}"},
    )


def literal(text: str) -> str:
    """Untrusted text for deck.gl, which would evaluate a leading ``@@`` as an expression."""
    return f"\N{ZERO WIDTH SPACE}{text}" if text.startswith("@@") else text


@cache
def _arrow() -> str:
    return f"data:image/png;base64,{base64.b64encode(ARROW.read_bytes()).decode()}"


def _row(vehicle: MapVehicle) -> dict[str, Any]:
    latitude, longitude = vehicle.track[-1]
    direction = heading(tuple(vehicle.track))
    return {
        "position": [round(longitude, 6), round(latitude, 6)],
        "text": literal(vehicle.name),
        "tooltip": literal(vehicle.tooltip),
        "colour": vehicle.colour,
        "radius": 8 if vehicle.emphasis else 5,
        "size": 26 if vehicle.emphasis else 18,
        # deck.gl rotates counter-clockwise.
        "angle": None if direction is None else -round(direction),
        "icon": "arrow",
        "emphasis": vehicle.emphasis,
        "chosen": vehicle.chosen,
    }


def _trail(vehicle: MapVehicle) -> dict[str, Any]:
    red, green, blue, _ = vehicle.colour
    return {
        "path": [[round(longitude, 5), round(latitude, 5)] for latitude, longitude in vehicle.track],
        "colour": [red, green, blue, 170 if vehicle.emphasis else 60],
    }


def _grid(extent: Extent) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Lines over three times the extent, so that there is still a grid after panning; coordinate labels."""
    north_step = extent.grid_step * 1000.0 / METRES_PER_DEGREE
    east_step = north_step / extent.squeeze
    height, width = extent.north - extent.south, extent.east - extent.west
    reach = max(height, width * extent.squeeze)
    south, north = max(-85.0, extent.south - reach), min(85.0, extent.north + reach)
    west, east = extent.west - reach / extent.squeeze, extent.east + reach / extent.squeeze
    lines: list[dict[str, Any]] = []
    labels: list[dict[str, Any]] = []
    for number in range(math.ceil(south / north_step), math.floor(north / north_step) + 1):
        latitude = number * north_step
        lines.append({"path": [[west, latitude], [east, latitude]]})
        if number % 2 == 0 and extent.south < latitude < extent.north:
            labels.append({"position": [extent.west, latitude], "text": _degrees(latitude, "N", "S")})
    for number in range(math.ceil(west / east_step), math.floor(east / east_step) + 1):
        longitude = number * east_step
        lines.append({"path": [[longitude, south], [longitude, north]]})
        # In the corner it would be drawn over that of a latitude.
        if number % 2 == 0 and extent.west + CORNER * width < longitude < extent.east:
            labels.append({"position": [longitude, extent.south], "text": _degrees(longitude, "E", "W")})
    return lines, labels


def _degrees(angle: float, positive: str, negative: str) -> str:
    return f"{abs(angle):.3f}° {positive if angle >= 0 else negative}"


def _text_layer(
    name: str, rows: list[dict[str, Any]], colour: palette.Rgba, size: int, anchor: str, offset: list[int]
) -> pydeck.Layer:
    return _layer("TextLayer", name, rows, get_position="position", get_text="text", get_color=colour,
                  get_size=size, get_text_anchor=anchor, get_pixel_offset=offset,
                  character_set="'auto'", font_family="'Inter, system-ui, sans-serif'")  # fmt: skip


def _layer(kind: str, name: str, rows: list[dict[str, Any]], **properties: Any) -> pydeck.Layer:
    # The id is what makes a layer the same one for the browser at the next update.
    return pydeck.Layer(kind, rows, id=name, **{key: _json(value) for key, value in properties.items()})


def _json(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
