"""The modules of the map, in a real Chromium: projection, clusters, grid, vector tiles, names."""

from __future__ import annotations

import base64
import math
import random
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from scripts.browser import new_page, running_chromium
from tests.support.drawn_map import DrawnMap
from tests.support.needs import need
from tests.support.vector_tiles import LINE, POINT, POLYGON, vector_tile

VIEW = {"x": 0.532, "y": 0.347, "zoom": 11.5, "width": 800, "height": 460}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    need("chromium")
    with running_chromium() as running:
        yield running


@pytest.fixture(scope="module")
def drawn(browser: Browser) -> DrawnMap:
    return DrawnMap(new_page(browser, 800, 600))


def projected(latitude: float, longitude: float) -> tuple[float, float]:
    """As in "Web Mercator", EPSG:3857, scaled to a square with sides of 1."""
    angle = math.radians(latitude)
    return (longitude + 180) / 360, (1 - math.asinh(math.tan(angle)) / math.pi) / 2


def views(count: int) -> list[dict[str, float]]:
    chance = random.Random(11)
    return [
        {
            "x": chance.random(),
            "y": chance.uniform(0.1, 0.9),
            "zoom": chance.uniform(1, 19),
            "width": chance.randrange(200, 2_000),
            "height": chance.randrange(200, 1_000),
        }
        for _ in range(count)
    ]


def test_positions_are_projected_as_web_mercator_says_and_back(drawn: DrawnMap) -> None:
    chance = random.Random(3)
    places = [(chance.uniform(-85, 85), chance.uniform(-180, 180)) for _ in range(200)]
    found = drawn.module(
        "map_projection.js",
        """(m, places) => places.map(([north, east]) => {
            const [x, y] = [m.worldX(east), m.worldY(north)];
            return [x, y, m.latitudeAt(y), m.longitudeAt(x)];
        })""",
        places,
    )
    for (north, east), (x, y, back_north, back_east) in zip(places, found, strict=True):
        assert (x, y) == pytest.approx(projected(north, east), abs=1e-12)
        assert (back_north, back_east) == pytest.approx((north, east), abs=1e-9)


def test_a_pole_is_at_the_edge_and_not_at_infinity(drawn: DrawnMap) -> None:
    assert drawn.module("map_projection.js", "(m) => [m.worldY(90), m.worldY(-90)]") == pytest.approx(
        [0, 1], abs=1e-6
    )


def test_what_is_below_the_pointer_stays_there_when_zooming(drawn: DrawnMap) -> None:
    found = drawn.module(
        "map_projection.js",
        """(m, views) => views.map((view) => {
            const [left, top] = [view.width * 0.2, view.height * 0.7];
            const size = m.worldSize(view.zoom);
            const x = view.x + (left - view.width / 2) / size;
            const y = view.y + (top - view.height / 2) / size;
            const next = m.zoomedAt(view, view.zoom + 0.7, left, top);
            const isFree = next.x > 0 && next.x < 1 && next.y > 0 && next.y < 1;
            return isFree ? [m.screenX(next, x) - left, m.screenY(next, y) - top] : [0, 0];
        })""",
        views(100),
    )
    assert all(abs(right) < 1e-3 and abs(down) < 1e-3 for right, down in found)


def test_a_fitted_view_shows_the_whole_extent_and_is_no_wider_than_needed(drawn: DrawnMap) -> None:
    extent = {"west": 0.53, "east": 0.534, "north": 0.345, "south": 0.349}
    for view in views(30):
        left, right, top, bottom = drawn.module(
            "map_projection.js",
            """(m, {view, extent}) => {
                const next = m.fitted(view, extent, {padding: 20});
                return [m.screenX(next, extent.west), m.screenX(next, extent.east),
                    m.screenY(next, extent.north), m.screenY(next, extent.south)];
            }""",
            {"view": view, "extent": extent},
        )
        assert left >= 19.9
        assert right <= view["width"] - 19.9
        assert top >= 19.9
        assert bottom <= view["height"] - 19.9
        assert min(left, top) == pytest.approx(20, abs=1e-3)


def test_the_view_of_a_single_vehicle_shows_a_kilometre(drawn: DrawnMap) -> None:
    place = {"west": 0.53, "east": 0.53, "north": 0.35, "south": 0.35}
    metres = drawn.module(
        "map_projection.js",
        "(m, [view, place]) => m.metresPerPixel(m.fitted(view, place)) * (view.height - 96)",
        [VIEW, place],
    )
    assert metres == pytest.approx(1_000, rel=0.01)


PIXEL = 1 / (256 * 2 ** VIEW["zoom"])
"""Of `VIEW`, in the world."""


def fleet(count: int, spread: float) -> dict[str, Any]:
    """Vehicles around the centre of `VIEW`, `spread` pixels apart."""
    chance = random.Random(5)
    return {
        "xs": [chance.gauss(VIEW["x"], spread * PIXEL) for _ in range(count)],
        "ys": [chance.gauss(VIEW["y"], spread * PIXEL) for _ in range(count)],
        "count": count,
    }


CLUSTERED = """(m, {vehicles, view, apart}) => m
    .clustered(vehicles, m.blocksOf(view), (index) => index === apart)
    .map(({x, y, members}) => ({x, y, members, radius: m.radiusOf(members.length)}))"""


def clusters(drawn: DrawnMap, vehicles: dict[str, Any], view: dict[str, float], apart: int = -1) -> Any:
    return drawn.module("map_clusters.js", CLUSTERED, {"vehicles": vehicles, "view": view, "apart": apart})


@pytest.mark.parametrize("zoom", [3.0, 9.5, 11.5, 14.0, 19.0])
def test_every_vehicle_is_in_one_cluster_and_clusters_do_not_cover_each_other(
    zoom: float, drawn: DrawnMap
) -> None:
    vehicles = fleet(600, spread=120 * 2 ** (VIEW["zoom"] - max(zoom, VIEW["zoom"])))
    found = clusters(drawn, vehicles, VIEW | {"zoom": zoom})
    assert sorted(member for cluster in found for member in cluster["members"]) == list(range(600))
    size = 256 * 2**zoom
    for number, one in enumerate(found):
        assert one["x"] == pytest.approx(
            sum(vehicles["xs"][each] for each in one["members"]) / len(one["members"])
        )
        for other in found[number + 1 :]:
            apart = math.hypot(one["x"] - other["x"], one["y"] - other["y"]) * size
            assert apart >= one["radius"] + other["radius"] - 1e-6


def test_clusters_do_not_change_while_the_map_is_pushed(drawn: DrawnMap) -> None:
    vehicles = fleet(2_000, spread=400)
    half = VIEW["width"] / 2 * PIXEL, VIEW["height"] / 2 * PIXEL

    def visible(view: dict[str, float]) -> set[tuple[int, ...]]:
        return {
            tuple(sorted(cluster["members"]))
            for cluster in clusters(drawn, vehicles, view)
            if abs(cluster["x"] - VIEW["x"]) < half[0] / 2 and abs(cluster["y"] - VIEW["y"]) < half[1] / 2
        }

    here = visible(VIEW)
    assert len(here) > 5
    for right, down in ((150, 0), (-190, 60), (0, 100)):
        assert visible(VIEW | {"x": VIEW["x"] + right * PIXEL, "y": VIEW["y"] + down * PIXEL}) == here


def test_vehicles_that_are_far_apart_stay_single_and_the_chosen_one_is_in_no_cluster(drawn: DrawnMap) -> None:
    xs = [VIEW["x"], VIEW["x"], VIEW["x"] + 100 * PIXEL]
    vehicles = {"xs": xs, "ys": [VIEW["y"]] * 3, "count": 3}
    assert sorted(len(cluster["members"]) for cluster in clusters(drawn, vehicles, VIEW)) == [1, 2]
    assert sorted(cluster["members"] for cluster in clusters(drawn, vehicles, VIEW, apart=0)) == [[1], [2]]


def test_a_cluster_counts_its_tones_and_names_the_worst(drawn: DrawnMap) -> None:
    found = drawn.module(
        "map_clusters.js", "(m) => m.tonesOf({members: [0, 2, 3]}, new Uint8Array([4, 0, 2, 4]), 7)"
    )
    assert found == {"counts": [0, 0, 1, 0, 2, 0, 0], "worst": 2}


def test_the_scale_bar_is_a_round_length_of_fitting_width(drawn: DrawnMap) -> None:
    for view in views(60):
        bar = drawn.module("map_grid.js", "(m, view) => m.scaleBar(view)", view)
        first = f"{bar['metres']:.12g}"[0]
        assert first in "125"
        assert 30 < bar["pixels"] <= 110.001
    assert drawn.module("map_grid.js", "(m, view) => m.scaleBar(view).words", VIEW) == "2 km"


@pytest.mark.parametrize(
    ("angle", "step", "expected"),
    [(48.1, 0.1, "48.1° N"), (-48.125, 0.005, "48.125° S"), (0.0, 10, "0°"), (20, 20, "20° N")],
)
def test_a_line_of_the_grid_is_named_with_the_digits_that_it_needs(
    angle: float, step: float, expected: str, drawn: DrawnMap
) -> None:
    script = "(m, [angle, step]) => m.degrees(angle, step, 'N', 'S')"
    assert drawn.module("map_grid.js", script, [angle, step]) == expected


def tile_read(drawn: DrawnMap, tile: bytes) -> dict[str, Any]:
    found: dict[str, Any] = drawn.module(
        "map_vector_tile.js",
        """(m, text) => {
            const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
            const patch = m.patchOfTile(bytes, {z: 3, x: 4, y: 2});
            return {roles: [...patch.paths.keys()], places: patch.places, x: patch.x, y: patch.y};
        }""",
        base64.b64encode(tile).decode(),
    )
    return found


@pytest.mark.parametrize(
    ("layer", "kind", "properties", "expected"),
    [
        ("roads", LINE, {"kind": "highway"}, ["motorway"]),
        ("roads", LINE, {"kind": "minor_road"}, ["minor"]),
        ("roads", LINE, {"kind": "rail"}, ["rail"]),
        ("roads", LINE, {"kind": "path"}, []),
        ("transportation", LINE, {"class": "primary"}, ["major"]),
        ("streets", LINE, {"kind": "tertiary"}, ["medium"]),
        ("water", POLYGON, {"kind": "lake"}, ["water"]),
        ("water", LINE, {"kind": "river"}, ["waterway"]),
        ("landuse", POLYGON, {"kind": "park"}, ["green"]),
        ("landuse", POLYGON, {"kind": "industrial"}, []),
        ("buildings", POLYGON, {}, ["building"]),
        ("boundary", LINE, {}, ["boundary"]),
        ("pois", POINT, {"name": "Shop"}, []),
    ],
)
def test_features_of_the_usual_schemas_are_recognised(
    layer: str, kind: int, properties: dict[str, str], expected: list[str], drawn: DrawnMap
) -> None:
    lines = [[(10, 10), (2_000, 30), (900, 4_000)]] if kind != POINT else [[(10, 10)]]
    assert tile_read(drawn, vector_tile({layer: [(kind, properties, lines)]}))["roles"] == expected


def test_a_place_of_a_tile_has_its_name_and_its_position_in_the_world(drawn: DrawnMap) -> None:
    tile = vector_tile({"places": [(POINT, {"kind": "town", "name": "Dachau"}, [[(1_024, 3_072)]])]})
    found = tile_read(drawn, tile)
    assert (found["x"], found["y"]) == (0.5, 0.25)
    (place,) = found["places"]
    assert place["name"] == "Dachau"
    assert (place["x"], place["y"]) == pytest.approx((0.5 + 0.125 / 4, 0.25 + 0.125 * 3 / 4))


def test_the_commands_of_a_geometry_are_followed_from_point_to_point(drawn: DrawnMap) -> None:
    # The polygon of the specification's example: (3,6), (8,12), (20,34).
    found = drawn.module(
        "map_vector_tile.js",
        """(m) => {
            const seen = [];
            m.follow([9, 6, 12, 18, 10, 12, 24, 44, 15], {
                moveTo: (x, y) => seen.push(["move", x, y]), lineTo: (x, y) => seen.push(["line", x, y]),
                closePath: () => seen.push(["close"]),
            });
            return seen;
        }""",
    )
    assert found == [["move", 3, 6], ["line", 8, 12], ["line", 20, 34], ["close"]]


@pytest.mark.parametrize("tile", [b"\x1a\xff\x7f", b"\xff\xff\xff", b"<html>no tile</html>"])
def test_bytes_that_are_no_tile_are_an_error_with_a_reason(tile: bytes, drawn: DrawnMap) -> None:
    found = drawn.module(
        "map_vector_tile.js",
        """(m, numbers) => {
            try { m.patchOfTile(new Uint8Array(numbers), {z: 0, x: 0, y: 0}); return "read" }
            catch (error) { return error.message }
        }""",
        list(tile),
    )
    assert found.startswith("expected a ")


def test_a_foreign_name_is_one_line_without_marks_that_turn_it_around(drawn: DrawnMap) -> None:
    script = "(m, text) => m.plain(text)"
    assert drawn.module("map_labels.js", script, "VEH-1\n\u202eX\u0000") == "VEH-1\ufffd\ufffdX\ufffd"
    assert drawn.module("map_labels.js", script, "x" * 99) == "x" * 23 + "…"
    assert drawn.module("map_labels.js", script, "Zürich 🚚") == "Zürich 🚚"
