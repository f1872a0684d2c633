"""The map in a real Chromium: what is seen, pointed at, clicked, pushed and read aloud."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from scripts.browser import reported_errors, running_chromium
from scripts.waiting import wait_until
from tests.support.drawn_map import SPREAD, DrawnMap, Show, maps, vehicle
from tests.support.needs import need
from ui import palette

pytestmark = pytest.mark.slow

HOSTILE = "<img src=x onerror=document.title='broken'>"
PATIENCE = 20.0
"""Seconds."""

CRITICAL, MAJOR, OK = (palette.MAP_TONES[tone][0] for tone in ("critical", "major", "ok"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    need("chromium")
    with running_chromium() as running:
        yield running


@pytest.fixture
def show(browser: Browser) -> Iterator[Show]:
    with maps(browser) as opened:
        yield opened


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
    drawn.drag(130, 70)
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
    drawn.drag(130, 70)
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
    middle = drawn.centre()
    drawn.show([vehicle("A", 3, 3, "critical"), *SPREAD[1:]], chosen="A")
    assert drawn.spot(CRITICAL) == pytest.approx(middle, abs=4)
    assert follow.get_attribute("aria-pressed") == "true"
    drawn.drag(60, 0)
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
    x, y = drawn.centre()
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
    x, y = drawn.centre()
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
