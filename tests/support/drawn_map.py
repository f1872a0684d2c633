"""The map in a browser, without Streamlit around it: what it draws of a message, and what was clicked."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, Route

import ui.assets
from scripts.browser import new_page, reported_errors
from ui.map.message import packed
from ui.map.vehicles import MapRoute, MapVehicle, Tone
from ui.map.view import map_settings

ORIGIN = "http://127.0.0.1:1"

THEMES = {
    False: ("#fbfcfd", "#eef2f6", "#1b2733", "#186b9e", "#e5484d", "#d5dbe1"),
    True: ("#10161d", "#1a232d", "#dfe6ed", "#3b9eda", "#ff6369", "#2c3743"),
}
"""Dark or not → background, secondary background, text, primary, red and border of the page."""

_NAMES = (
    "background-color",
    "secondary-background-color",
    "text-color",
    "primary-color",
    "red-color",
    "border-color",
)

_PAGE = """<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<style>:root {{ {variables} --st-font: Inter, system-ui, sans-serif; --st-base-radius: 0.6rem }}
body {{ margin: 16px; background: var(--st-background-color) }}</style><div id="map"></div>
<script type="module">
import map from "/assets/map.js";
window.clicked = [];
const root = document.querySelector("#map").attachShadow({{ mode: "open" }});
window.show = (text) => window.remove = map({{
  parentElement: root,
  data: Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)),
  setTriggerValue: (name, value) => window.clicked.push([name, value]),
}});
window.root = root;
</script>"""


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


class DrawnMap:
    """A map on an otherwise empty page.

    Args:
        page: shows it.
        dark: in the dark theme.
        answers: path → (type, content) of what else the page's server has.
    """

    def __init__(
        self, page: Page, *, dark: bool = False, answers: Mapping[str, tuple[str, bytes]] | None = None
    ) -> None:
        self.page = page
        self._dark = dark
        self._answers = answers or {}
        self.asked: list[str] = []
        page.route("**/*", self._answer)
        page.goto(ORIGIN)
        page.wait_for_function("() => Boolean(window.show)")

    def show(
        self,
        vehicles: Sequence[MapVehicle],
        *,
        key: str = "map",
        chosen: str | None = None,
        route: MapRoute | None = None,
        height: int = 460,
        base: str | None = None,
    ) -> None:
        """Send a message, and wait until it is drawn."""
        data = packed(map_settings(key, height, base, vehicles, chosen, route), vehicles, route)
        self.page.evaluate("text => window.show(text)", base64.b64encode(data).decode())
        count = sum(bool(vehicle.track) for vehicle in vehicles)
        summary = f"{count} vehicle" if count or route is None else "a route"
        self.page.wait_for_function(
            "start => root.querySelector('.summary')?.textContent.startsWith(start)", arg=summary
        )
        self.settle()

    def settle(self) -> None:
        """Wait until two frames have been drawn, and no movement is under way."""
        self.page.evaluate(
            """() => new Promise((done) => {
                const ground = () => root.querySelector("canvas").toDataURL();
                const look = (before) => requestAnimationFrame(() => requestAnimationFrame(() => {
                    const now = ground();
                    if (now === before) done();
                    else look(now);
                }));
                look(ground());
            })"""
        )

    def spot(self, colour: str) -> tuple[float, float]:
        """Where on the page a colour is on the vehicles' layer: the mean of its pixels.

        Args:
            colour: ``#rrggbb``, of the surface of a sign.
        """
        found = self.page.evaluate(
            """(colour) => {
                const canvas = root.querySelector(".surface");
                const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
                let [x, y, count] = [0, 0, 0];
                for (let at = 0; at < data.length; at += 4) {
                    if (colour.some((part, number) => Math.abs(data[at + number] - part) > 2)) continue;
                    x += (at / 4) % canvas.width;
                    y += Math.floor(at / 4 / canvas.width);
                    count += 1;
                }
                const {left, top, width} = canvas.getBoundingClientRect();
                const scale = width / canvas.width;
                return count && [left + (x / count) * scale, top + (y / count) * scale];
            }""",
            [int(colour[at : at + 2], 16) for at in (1, 3, 5)] + [255],
        )
        assert found, f"{colour} is not on the map"
        return found[0], found[1]

    def ground(self) -> str:
        """The layer below the vehicles as a picture: it differs whenever the view does."""
        picture: str = self.page.evaluate("root.querySelector('canvas').toDataURL()")
        return picture

    def words(self, name: str) -> str:
        """The text of the element with this class."""
        return self.page.locator(f".{name}").inner_text()

    def clicked(self) -> list[str]:
        """Ids of the vehicles that have been clicked."""
        values: list[list[str]] = self.page.evaluate("window.clicked")
        assert all(name == "clicked" for name, _ in values)
        return [value for _, value in values]

    def centre(self) -> tuple[float, float]:
        """The middle of the map on the page."""
        left, top, width, height = self._box()
        return left + width / 2, top + height / 2

    def drag(self, right: float, down: float) -> None:
        """Push the map by some pixels with the mouse, away from vehicles."""
        left, top, _, height = self._box()
        x, y = left + 30, top + height - 80
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(x + right, y + down, steps=5)
        self.page.mouse.up()
        self.settle()

    def _box(self) -> tuple[float, float, float, float]:
        box = self.page.locator(".surface").bounding_box()
        assert box is not None
        return box["x"], box["y"], box["width"], box["height"]

    def module(self, name: str, script: str, argument: Any = None) -> Any:
        """What a script makes of a module: ``(module, argument) => ...``."""
        return self.page.evaluate(
            f"async (argument) => ({script})(await import('/assets/{name}'), argument)", argument
        )

    def _answer(self, route: Route) -> None:
        path = urlsplit(route.request.url).path
        self.asked.append(path)
        if path == "/":
            variables = "".join(
                f"--st-{name}: {value}; " for name, value in zip(_NAMES, THEMES[self._dark], strict=True)
            )
            route.fulfill(content_type="text/html", body=_PAGE.format(variables=variables))
        elif (
            path.startswith("/assets/")
            and (file := ui.assets.DIRECTORY / path.removeprefix("/assets/")).is_file()
        ):
            kind = "text/css" if file.suffix == ".css" else "text/javascript"
            route.fulfill(content_type=kind, body=file.read_bytes())
        elif path in self._answers:
            kind, content = self._answers[path]
            route.fulfill(content_type=kind, body=content)
        else:
            route.fulfill(status=404)


class Show(Protocol):
    """Opens a map; arguments as of `DrawnMap`."""

    def __call__(
        self, *, dark: bool = False, answers: Mapping[str, tuple[str, bytes]] | None = None
    ) -> DrawnMap: ...


@contextmanager
def maps(browser: Browser) -> Iterator[Show]:
    """Opens maps in pages of their own; afterwards nothing may have gone wrong in any of them."""
    pages: list[Page] = []

    def opened(*, dark: bool = False, answers: Mapping[str, tuple[str, bytes]] | None = None) -> DrawnMap:
        pages.append(new_page(browser, 800, 600))
        return DrawnMap(pages[-1], dark=dark, answers=answers)

    yield opened
    for page in pages:
        assert reported_errors(page) == []
        assert page.title() != "broken"
        page.close()
