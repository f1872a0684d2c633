"""The map in a real Chromium: what is seen, pointed at, clicked, pushed and read aloud."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from scripts.browser import new_page, reported_errors, running_chromium
from scripts.waiting import wait_until
from tests.support.drawn_map import DrawnMap
from tests.support.needs import need
from tests.support.vector_tiles import LINE, POINT, POLYGON, vector_tile
from ui import palette
from ui.map.vehicles import MapRoute, MapVehicle, Tone

pytestmark = pytest.mark.long

HOSTILE = "<img src=x onerror=document.title='broken'>"
PATIENCE = 20.0
"""Seconds."""

CRITICAL, MAJOR, OK = (palette.MAP_TONES[tone][0] for tone in ("critical", "major", "ok"))

Show = Callable[..., DrawnMap]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    need("chromium")
    with running_chromium() as running:
        yield running


@pytest.fixture
def show(browser: Browser) -> Iterator[Show]:
    """Opens a map; afterwards nothing may have gone wrong in the browser."""
    pages: list[Page] = []

    def opened(**arguments: Any) -> DrawnMap:
        pages.append(new_page(browser, 800, 600))
        return DrawnMap(pages[-1], **arguments)

    yield opened
    for page in pages:
        assert reported_errors(page) == []
        assert page.title() != "broken"
        page.close()


def vehicle(
    name: str,
    north: float = 0.0,
    east: float = 0.0,
    tone: Tone = "ok",
    lines: tuple[str, ...] = (),
    points: int = 1,
) -> MapVehicle:
    """A vehicle some hundredths of degrees from a place, which has come from the south."""
    track = tuple(
        (48.1 + 0.01 * north - 0.0003 * back, 11.5 + 0.01 * east) for back in range(points - 1, -1, -1)
    )
    return MapVehicle(name, track, tone, lines, 0.0 if points > 1 else None)


SPREAD = [
    vehicle("A", 0, 0, "critical"),
    vehicle("B", 5, 8),
    vehicle("C", -5, -8),
    vehicle("D", 5, -8, "major"),
]


def test_a_vehicle_is_drawn_in_the_colour_of_its_tone_and_a_click_chooses_it(show: Show) -> None:
    drawn = show()
    drawn.show(SPREAD)
    for tone, name in ((CRITICAL, "A"), (MAJOR, "D")):
        drawn.page.mouse.click(*drawn.spot(tone))
        assert drawn.clicked()[-1] == name


def test_a_tooltip_says_who_it_is_how_it_is_and_how_fast(show: Show) -> None:
    drawn = show()
    drawn.show([vehicle("VEH-1", 0, 0, "critical", ("engine at 131 °C", "speed 61 km/h")), *SPREAD[1:]])
    drawn.page.mouse.move(*drawn.spot(CRITICAL))
    assert drawn.words("tooltip").split("\n") == [
        "VEH-1",
        "critical alert",
        "engine at 131 °C",
        "speed 61 km/h",
    ]
    drawn.page.mouse.move(400, 590)
    assert not drawn.page.locator(".tooltip").is_visible()


def test_the_tooltip_follows_what_is_sent_of_the_vehicle_below_the_pointer(show: Show) -> None:
    drawn = show()
    drawn.show([vehicle("VEH-1", 0, 0, "critical", ("speed 61 km/h",)), *SPREAD[1:]])
    drawn.page.mouse.move(*drawn.spot(CRITICAL))
    drawn.show([vehicle("VEH-1", 0, 0, "critical", ("speed 12 km/h",)), *SPREAD[1:]])
    assert "speed 12 km/h" in drawn.words("tooltip")


def test_the_view_stays_where_the_viewer_moved_it_while_vehicles_move_and_appear(show: Show) -> None:
    drawn = show()
    drawn.show(SPREAD)
    fitted = drawn.ground()
    drag(drawn, 130, 70)
    moved = drawn.ground()
    assert moved != fitted
    drawn.show([*SPREAD, *(vehicle(f"N{number}", 30, number) for number in range(9))])
    assert drawn.ground() == moved
    drawn.page.get_by_role("button", name="Show all").click()
    drawn.settle()
    assert drawn.ground() not in (moved, fitted)


def test_a_map_that_is_drawn_anew_starts_where_it_was_left(show: Show) -> None:
    drawn = show()
    drawn.show(SPREAD, key="one")
    drag(drawn, 130, 70)
    moved = drawn.ground()
    drawn.page.evaluate("window.remove()")
    drawn.show(SPREAD, key="one")
    assert drawn.ground() == moved
    drawn.page.evaluate("window.remove()")
    drawn.show(SPREAD, key="another")
    assert drawn.ground() != moved


def test_the_map_grows_with_a_fleet_that_is_just_appearing_until_somebody_moves_it(show: Show) -> None:
    drawn = show()
    drawn.show(SPREAD[:1])
    first = drawn.ground()
    drawn.show(SPREAD)
    assert drawn.ground() != first
    for tone in (CRITICAL, MAJOR):
        drawn.spot(tone)


def test_the_keyboard_zooms_moves_and_shows_all(show: Show) -> None:
    drawn = show()
    drawn.show(SPREAD)
    grounds = [drawn.ground()]
    drawn.page.keyboard.press("Tab")
    for key in ("+", "ArrowLeft", "ArrowUp", "-", "0"):
        drawn.page.keyboard.press(key)
        drawn.settle()
        grounds.append(drawn.ground())
    assert all(one != other for one, other in pairwise(grounds))
    assert grounds[-1] == grounds[0]


def test_the_buttons_can_be_reached_and_used_without_a_mouse(show: Show) -> None:
    drawn = show()
    drawn.show(SPREAD, chosen="B")
    labels = []
    drawn.page.keyboard.press("Tab")
    for _ in range(4):
        drawn.page.keyboard.press("Tab")
        labels.append(drawn.page.evaluate("root.activeElement.getAttribute('aria-label')"))
    assert labels == ["Zoom in", "Zoom out", "Show all", "Follow the chosen vehicle"]
    before = drawn.ground()
    drawn.page.get_by_role("button", name="Zoom in").press("Enter")
    drawn.settle()
    assert drawn.ground() != before


def test_what_is_on_the_map_can_be_read_aloud(show: Show) -> None:
    drawn = show()
    drawn.show([*SPREAD, vehicle("E", 9, 0, "silent"), vehicle("F", 0, 9, "warming_up")])
    expected = "6 vehicles, 2 with open alerts (1 critical, 1 major), 1 silent, 1 warming up"
    stage = drawn.page.get_by_role("application")
    assert drawn.page.locator(".summary").text_content() == expected
    assert stage.get_attribute("aria-describedby") == drawn.page.locator(".summary").get_attribute("id")
    assert "plus and minus zoom" in (stage.get_attribute("aria-label") or "")


@pytest.mark.parametrize("dark", [False, True])
def test_the_map_can_be_read_and_reached_by_everybody(dark: bool, show: Show) -> None:
    drawn = show(dark=dark)
    drawn.show(SPREAD, chosen="A")
    drawn.page.mouse.move(*drawn.spot(palette.MAP_TONES_ON_DARK["major"][0] if dark else MAJOR))
    found = Axe().run(drawn.page, context="#map", options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa"]})
    assert [violation["id"] for violation in found.response["violations"]] == []


def test_the_legend_says_in_words_what_each_shape_means_and_how_many_there_are(show: Show) -> None:
    drawn = show()
    drawn.show([*SPREAD, vehicle("E", 9, 0, "silent")])
    assert drawn.words("legend").split("\n") == ["1 critical", "1 major", "2 no open alert", "1 silent"]


def test_vehicles_at_one_place_are_a_cluster_in_the_colour_of_the_worst_which_zooms_in(show: Show) -> None:
    drawn = show()
    near = [vehicle(f"N{number}", 0.01 * number, 0) for number in range(9)]
    drawn.show([*near, vehicle("BAD", 0.05, 0.05, "critical"), *SPREAD[1:3]])
    x, y = drawn.spot(CRITICAL)
    drawn.page.mouse.move(x, y)
    assert drawn.words("tooltip").split("\n") == ["10 vehicles", "1 critical", "9 no open alert"]
    before = drawn.ground()
    drawn.page.mouse.click(x, y)
    drawn.settle()
    assert drawn.ground() != before
    assert drawn.clicked() == []
    drawn.page.mouse.click(*drawn.spot(CRITICAL))
    assert drawn.clicked() == ["BAD"]


def test_vehicles_that_no_zoom_can_separate_are_listed_the_worst_first(show: Show) -> None:
    drawn = show()
    depot = [vehicle("CALM"), vehicle("BAD", tone="critical"), vehicle("QUIET", tone="silent")]
    drawn.show([*depot, *SPREAD[1:3]])
    drawn.page.mouse.click(*drawn.spot(CRITICAL))
    rows = drawn.page.locator(".list button")
    assert rows.all_inner_texts() == ["BAD\ncritical alert", "CALM\nno open alert", "QUIET\nsilent"]
    drawn.page.keyboard.press("Tab")
    drawn.page.keyboard.press("Enter")
    assert drawn.clicked() == ["CALM"]
    assert not drawn.page.locator(".list").is_visible()


def test_escape_closes_the_list_of_vehicles(show: Show) -> None:
    drawn = show()
    drawn.show([vehicle("ONE", tone="critical"), vehicle("TWO"), *SPREAD[1:3]])
    drawn.page.mouse.click(*drawn.spot(CRITICAL))
    assert drawn.page.locator(".list").is_visible()
    drawn.page.keyboard.press("Escape")
    assert not drawn.page.locator(".list").is_visible()


def test_the_chosen_vehicle_stands_alone_even_among_others(show: Show) -> None:
    drawn = show()
    near = [vehicle(f"N{number}") for number in range(5)]
    drawn.show([*near, vehicle("MINE", tone="critical"), *SPREAD[1:3]], chosen="MINE")
    drawn.page.mouse.move(*drawn.spot(CRITICAL))
    assert drawn.words("tooltip").split("\n")[0] == "MINE"


def test_a_followed_vehicle_stays_in_the_middle_until_the_map_is_pushed(show: Show) -> None:
    drawn = show()
    drawn.show(SPREAD, chosen="A")
    follow = drawn.page.get_by_role("button", name="Follow the chosen vehicle")
    follow.click()
    drawn.settle()
    middle = centre(drawn)
    drawn.show([vehicle("A", 3, 3, "critical"), *SPREAD[1:]], chosen="A")
    assert drawn.spot(CRITICAL) == pytest.approx(middle, abs=4)
    assert follow.get_attribute("aria-pressed") == "true"
    drag(drawn, 60, 0)
    assert follow.get_attribute("aria-pressed") == "false"
    left = drawn.ground()
    drawn.show([vehicle("A", -3, 3, "critical"), *SPREAD[1:]], chosen="A")
    assert drawn.ground() == left


def test_without_a_chosen_vehicle_nothing_can_be_followed(show: Show) -> None:
    drawn = show()
    drawn.show(SPREAD)
    assert not drawn.page.locator("button[aria-label^=Follow]").is_visible()


def test_the_wheel_zooms_only_after_a_click_or_with_ctrl_and_says_so(show: Show) -> None:
    drawn = show()
    drawn.show(SPREAD)
    fitted = drawn.ground()
    x, y = centre(drawn)
    drawn.page.mouse.move(x + 90, y + 90)
    drawn.page.mouse.wheel(0, -200)
    wait_until(lambda: "Ctrl" in (drawn.page.locator(".hint.shown").text_content() or ""), "a hint", PATIENCE)
    assert drawn.ground() == fitted
    drawn.page.mouse.click(x + 90, y + 90)
    drawn.page.mouse.wheel(0, -200)
    wait_until(lambda: drawn.ground() != fitted, "a closer view", PATIENCE)


def test_one_finger_scrolls_the_page_and_two_move_the_map(browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 500}, has_touch=True, is_mobile=True)
    page = context.new_page()
    drawn = DrawnMap(page)
    drawn.show(SPREAD, height=460)
    page.evaluate("document.body.style.paddingBottom = '900px'")
    x, y = centre(drawn)
    fitted = drawn.ground()
    fingers = context.new_cdp_session(page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        touches = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

    touch("touchStart", (x - 40, y), (x + 40, y))
    for step in range(1, 6):
        touch("touchMove", (x - 40 - 8 * step, y + 5 * step), (x + 40 + 8 * step, y + 5 * step))
    touch("touchEnd")
    drawn.settle()
    moved = drawn.ground()
    assert moved != fitted
    assert page.evaluate("scrollY") == 0

    touch("touchStart", (x, y))
    for step in range(1, 9):
        touch("touchMove", (x, y - 15 * step))
    touch("touchEnd")
    wait_until(lambda: page.evaluate("scrollY") > 0, "the page scrolls", PATIENCE)
    assert drawn.ground() == moved
    assert drawn.page.locator(".hint").text_content() == "Use two fingers to move the map"
    assert reported_errors(page) == []
    context.close()


def test_a_foreign_name_is_text_wherever_it_is_shown(show: Show) -> None:
    drawn = show()
    drawn.show(
        [vehicle(HOSTILE, 0, 0, "critical", (HOSTILE,)), vehicle(f"{HOSTILE}2"), *SPREAD[1:3]], chosen="B"
    )
    drawn.page.mouse.click(*drawn.spot(CRITICAL))
    drawn.page.locator(".list button").first.click()
    assert drawn.clicked() == [HOSTILE]
    drawn.show([vehicle(HOSTILE, 0, 0, "critical", (HOSTILE,)), *SPREAD[1:3]], chosen=HOSTILE)
    drawn.page.mouse.move(*drawn.spot(CRITICAL))
    assert drawn.words("tooltip").count("onerror") == 2
    assert drawn.page.locator("img").count() == 0


def test_a_map_without_vehicles_says_so(show: Show) -> None:
    drawn = show()
    drawn.show([])
    assert "No vehicle has sent a position yet." in drawn.words("empty")
    drawn.show(SPREAD)
    assert not drawn.page.locator(".empty").is_visible()


def test_a_route_is_shown_whole_with_its_flags_and_another_route_is_looked_for(show: Show) -> None:
    drawn = show()
    way = [(48.1 + 0.001 * number, 11.5 + 0.05 * math.sin(number / 9)) for number in range(100)]
    drawn.show([], route=MapRoute(way, flagged=[50], at=70))
    drawn.spot("#e5484d")
    assert not drawn.page.locator(".empty").is_visible()
    assert drawn.page.locator(".summary").text_content() == "a route with 1 unusual of 100 positions"
    drag(drawn, 40, 0)
    here = drawn.ground()
    drawn.show([], route=MapRoute(way, flagged=[50], at=80))
    assert drawn.ground() == here
    drawn.show([], route=MapRoute([(north - 9, east) for north, east in way], flagged=[50], at=80))
    drawn.spot("#e5484d")


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


def test_without_the_promised_base_map_there_is_a_grid_and_a_note(browser: Browser, tmp_path: Path) -> None:
    page = new_page(browser, 800, 600)
    drawn = DrawnMap(page)
    drawn.show(SPREAD, base="/base-map/gone/")
    drawn.page.locator(".attribution").get_by_text("The base map could not be loaded.").wait_for()
    drawn.spot(CRITICAL)
    page.close()


def drag(drawn: DrawnMap, right: float, down: float) -> None:
    x, y = drawn.page.locator(".surface").bounding_box()["x"] + 30, centre(drawn)[1] + 150  # type: ignore[index]
    drawn.page.mouse.move(x, y)
    drawn.page.mouse.down()
    drawn.page.mouse.move(x + right, y + down, steps=5)
    drawn.page.mouse.up()
    drawn.settle()


def centre(drawn: DrawnMap) -> tuple[float, float]:
    box = drawn.page.locator(".surface").bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
