"""What the map is drawn on, and when: roads, vector tiles, routes; in a real Chromium."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from scripts.browser import new_page, running_chromium
from scripts.waiting import wait_until
from tests.support.drawn_map import SPREAD, DrawnMap, Show, maps, vehicle
from tests.support.needs import need
from tests.support.vector_tiles import LINE, POINT, POLYGON, vector_tile
from ui import palette
from ui.map.vehicles import MapRoute

pytestmark = pytest.mark.slow

PATIENCE = 20.0
"""Seconds."""

CRITICAL = palette.MAP_TONES["critical"][0]

ROADS = {
    "type": "FeatureCollection",
    "features": [
        {
            "type": "Feature",
            "properties": {"kind": "motorway"},
            "geometry": {"type": "LineString", "coordinates": [[11.2, 48.1], [11.8, 48.1]]},
        },
        {
            "type": "Feature",
            "properties": {"place": "city", "name": "Midtown"},
            "geometry": {"type": "Point", "coordinates": [11.5, 48.14]},
        },
        {"type": "Feature", "properties": None, "geometry": None},
    ],
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    need("chromium")
    with running_chromium() as running:
        yield running


@pytest.fixture
def show(browser: Browser) -> Iterator[Show]:
    with maps(browser) as opened:
        yield opened


def base_colours(drawn: DrawnMap) -> set[str]:
    """The colours that are on the ground."""
    return set(
        drawn.page.evaluate(
            """() => {
                const canvas = root.querySelector("canvas");
                const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
                const seen = new Set();
                for (let at = 0; at < data.length; at += 4) {
                    const parts = [data[at], data[at + 1], data[at + 2]];
                    seen.add("#" + parts.map((part) => part.toString(16).padStart(2, "0")).join(""));
                }
                return [...seen];
            }"""
        )
    )


def test_roads_from_a_file_are_drawn_instead_of_the_grid_and_loaded_once(show: Show) -> None:
    drawn = show(
        answers={
            "/base-map/1/description": (
                "application/json",
                b'{"kind": "file", "attribution": "City council"}',
            ),
            "/base-map/1/file": ("application/geo+json", json.dumps(ROADS).encode()),
        }
    )
    for _ in range(3):
        drawn.show(SPREAD, base="/base-map/1/")
        drawn.page.locator(".attribution").get_by_text("City council").wait_for()
        drawn.page.evaluate("window.remove()")
    drawn.show(SPREAD, base="/base-map/1/")
    assert drawn.asked.count("/base-map/1/file") == 1
    assert {"#f9e3b4", "#edf0f2"} <= base_colours(drawn), "the motorway and the land"


def test_vector_tiles_are_asked_for_where_they_are_visible_and_drawn(show: Show) -> None:
    water = vector_tile(
        {
            "water": [(POLYGON, {}, [[(0, 0), (4096, 0), (4096, 4096), (0, 4096)]])],
            "roads": [(LINE, {"kind": "highway"}, [[(0, 2048), (4096, 2048)], [(2048, 0), (2048, 4096)]])],
            "places": [(POINT, {"kind": "city", "name": "Midtown"}, [[(100, 100)]])],
        }
    )
    # All of it is in the tile 5/17/11.
    answers = {f"/base-map/1/tiles/{place}": ("application/x", water) for place in ("5/17/11",)}
    description = b'{"kind": "tiles", "attribution": "Mapmakers", "min_zoom": 3, "max_zoom": 5}'
    drawn = show(answers={"/base-map/1/description": ("application/json", description), **answers})
    drawn.show(SPREAD, base="/base-map/1/")
    wait_until(lambda: "#cadeeb" in base_colours(drawn), "water", PATIENCE)
    tiles = [path for path in drawn.asked if "/tiles/" in path]
    assert tiles == ["/base-map/1/tiles/5/17/11"]
    drawn.show(SPREAD, base="/base-map/1/")
    assert len([path for path in drawn.asked if "/tiles/" in path]) == 1


def test_without_the_promised_base_map_there_is_a_grid_and_a_note(browser: Browser) -> None:
    page = new_page(browser, 800, 600)
    drawn = DrawnMap(page)
    drawn.show(SPREAD, base="/base-map/gone/")
    drawn.page.locator(".attribution").get_by_text("The base map could not be loaded.").wait_for()
    drawn.spot(CRITICAL)
    page.close()


def test_only_what_has_changed_is_drawn_again(show: Show) -> None:
    drawn = show()
    drawn.show(SPREAD)
    drawn.page.evaluate(
        """() => {
            window.cleared = [];
            const clear = CanvasRenderingContext2D.prototype.clearRect;
            CanvasRenderingContext2D.prototype.clearRect = function (...box) {
                window.cleared.push(this.canvas.className);
                clear.apply(this, box);
            };
        }"""
    )
    drawn.settle()
    assert drawn.page.evaluate("window.cleared") == []
    drawn.show([vehicle("A", 0.1, 0, "critical"), *SPREAD[1:]])
    assert drawn.page.evaluate("window.cleared") == ["surface"], "the ground has not changed"


def test_a_route_is_shown_whole_with_its_flags_and_another_route_is_looked_for(show: Show) -> None:
    drawn = show()
    way = [(48.1 + 0.001 * number, 11.5 + 0.05 * math.sin(number / 9)) for number in range(100)]
    drawn.show([], route=MapRoute(way, flagged=[50], at=70))
    drawn.spot("#e5484d")
    assert not drawn.page.locator(".empty").is_visible()
    assert drawn.page.locator(".summary").text_content() == "a route with 1 unusual of 100 positions"
    drawn.drag(40, 0)
    here = drawn.ground()
    drawn.show([], route=MapRoute(way, flagged=[50], at=80))
    assert drawn.ground() == here
    drawn.show([], route=MapRoute([(north - 9, east) for north, east in way], flagged=[50], at=80))
    drawn.spot("#e5484d")
