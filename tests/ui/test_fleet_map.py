"""The map as deck.gl gets it."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ui import palette
from ui.fleet.fleet_map import ARROW, ARROW_SIZE, CORNER, Extent, MapVehicle, deck
from ui.live.track import Track

TRACK: Track = ((48.10, 11.50), (48.11, 11.50))


def vehicle(name: str = "VEH-1", track: Track = TRACK, **changes: Any) -> MapVehicle:
    fields: dict[str, Any] = {
        "tooltip": name,
        "colour": palette.SILENT_DOT,
        "emphasis": True,
        "chosen": False,
    }
    return MapVehicle(name=name, track=track, **(fields | changes))


def drawn(*vehicles: MapVehicle, extent: Extent | None = None) -> dict[str, Any]:
    extent = extent or Extent.around(v.track[-1] for v in vehicles)
    document: dict[str, Any] = json.loads(deck(vehicles, extent, 460, 680).to_json())
    return document


def layer(document: dict[str, Any], name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = next(found for found in document["layers"] if found["id"] == name)["data"]
    return rows


def test_the_view_does_not_change_while_vehicles_move_within_one_extent() -> None:
    extent = Extent.around([(48.0, 11.0), (48.2, 11.4)])
    before = drawn(vehicle(), extent=extent)
    after = drawn(vehicle(track=((48.0, 11.0), (48.19, 11.3))), extent=extent)
    assert before["initialViewState"] == after["initialViewState"]
    assert [found["id"] for found in before["layers"]] == [found["id"] for found in after["layers"]]


def test_refitting_gives_a_different_view_of_the_same_area() -> None:
    positions = [(48.0, 11.0), (48.2, 11.4)]
    first, second = (Extent.around(positions, generation).view(460, 680) for generation in (0, 1))
    assert first.latitude != second.latitude
    assert first.latitude == pytest.approx(second.latitude, abs=1e-5)


@given(st.lists(st.tuples(st.floats(-80, 80), st.floats(-170, 170)), min_size=1, max_size=20))
def test_every_vehicle_is_in_the_extent_and_the_grid_has_few_lines(
    positions: list[tuple[float, float]],
) -> None:
    extent = Extent.around(positions)
    slack = 1e-9
    assert all(extent.south - slack <= latitude <= extent.north + slack for latitude, _ in positions)
    assert all(extent.west - slack <= longitude <= extent.east + slack for _, longitude in positions)
    document = drawn(*(vehicle(track=(position,)) for position in positions), extent=extent)
    assert 2 <= len(layer(document, "grid")) < 500


def test_a_moving_vehicle_is_an_arrow_and_a_stationary_one_a_dot() -> None:
    document = drawn(vehicle("moving"), vehicle("standing", track=((48.1, 11.5),)))
    assert [row["text"] for row in layer(document, "moving")] == ["moving"]
    assert [row["text"] for row in layer(document, "standing")] == ["standing"]


def test_no_label_of_a_longitude_is_drawn_over_one_of_a_latitude() -> None:
    extent = Extent.around([(48.0, 11.0), (48.3, 11.4)])
    labels = layer(json.loads(deck([], extent, 500, 500).to_json()), "grid-labels")
    longitudes = [label["position"][0] for label in labels if label["text"].endswith("E")]
    assert longitudes
    assert min(longitudes) > extent.west + CORNER * (extent.east - extent.west)


def test_only_important_vehicles_are_labelled_and_only_the_chosen_one_has_a_ring() -> None:
    document = drawn(vehicle("calm", emphasis=False), vehicle("bad"), vehicle("mine", chosen=True))
    assert [row["text"] for row in layer(document, "names")] == ["bad", "mine"]
    assert [row["text"] for row in layer(document, "ring")] == ["mine"]


@pytest.mark.parametrize("name", ["@@=alert(1)", "@@#missing.enumeration", "@@type", "@@function"])
def test_a_name_is_never_evaluated_as_an_expression(name: str) -> None:
    document = drawn(vehicle(name))
    (row,) = layer(document, "moving")
    for text in (row["text"], row["tooltip"]):
        assert not text.startswith("@@")
        assert text.lstrip("\N{ZERO WIDTH SPACE}") == name


def test_no_map_tiles_are_requested_and_the_tooltip_is_text() -> None:
    chart = deck([vehicle("<b>x</b>")], Extent.around([TRACK[-1]]), 460, 680)
    assert json.loads(chart.to_json()).get("mapProvider") is None
    assert "cartocdn" not in chart.to_json()
    assert chart._tooltip == {"text": "{tooltip}"}


def test_severity_goes_from_blue_through_amber_to_red() -> None:
    calm, near, bad = (palette.severity_colour(s, s > 50.0) for s in (10.0, 50.0, 51.0))
    assert calm[2] > calm[0]
    assert near[0] > near[1] > near[2]
    assert bad[0] > 2 * bad[1]


def test_the_arrow_is_a_picture_that_points_up_and_is_transparent_around_it() -> None:
    size = ARROW_SIZE
    with Image.open(ARROW) as picture:
        assert (picture.size, picture.mode) == ((size, size), "RGBA")
        rows = [sum(picture.getpixel((x, y))[3] > 128 for x in range(size)) for y in range(size)]  # type: ignore[index]
    assert rows[0] == 0
    assert 0 < rows[size // 4] < rows[size // 2] < size


def test_the_arrow_is_part_of_the_map_so_that_the_browser_requests_no_file() -> None:
    (moving,) = [found for found in drawn(vehicle())["layers"] if found["id"] == "moving"]
    assert moving["iconAtlas"] == f"data:image/png;base64,{base64.b64encode(ARROW.read_bytes()).decode()}"
