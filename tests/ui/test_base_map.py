"""The files that a map is drawn on, and how the page's server gives them out."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pmtiles.tile import Compression, TileType
from starlette.applications import Starlette

from config.errors import SettingsError
from config.settings import Settings, load
from tests.support.vector_tiles import LINE, vector_tile, write_pmtiles
from ui.map.base_map import MAX_GEOJSON_MIB, opened
from ui.map.base_map_routes import address_of, routes

ROADS = b'{"type": "FeatureCollection", "attribution": "<b>City</b> &amp; me", "features": []}'
TILE = vector_tile({"roads": [(LINE, {"kind": "highway"}, [[(0, 0), (4096, 4096)]])]})


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


def asked(settings: Settings, path: str) -> Answer:
    """What the routes answer."""
    messages: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        messages.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "root_path": "",
        "query_string": b"",
        "headers": [],
    }
    asyncio.run(Starlette(routes=routes(lambda: settings))(scope, receive, send))
    headers = {name.decode(): value.decode() for name, value in messages[0]["headers"]}
    return Answer(messages[0]["status"], headers, b"".join(message["body"] for message in messages[1:]))


def with_base_map(file: Path | None) -> Settings:
    settings = load()
    return settings.model_copy(update={"page": settings.page.model_copy(update={"base_map": file})})


@pytest.fixture
def roads(tmp_path: Path) -> Path:
    file = tmp_path / "roads.geojson"
    file.write_bytes(ROADS)
    return file


@pytest.fixture
def tiles(tmp_path: Path) -> Path:
    file = tmp_path / "land.pmtiles"
    attribution = '<a href="https://example.org">© Mapmakers</a>'
    write_pmtiles(file, {(2, 1, 3): TILE, (3, 0, 0): b""}, {"attribution": attribution})
    return file


def test_a_file_of_roads_is_sent_compressed_and_kept_by_browsers(roads: Path) -> None:
    settings, address = with_base_map(roads), address_of(opened(roads))
    described = asked(settings, f"{address}description")
    assert json.loads(described.body) == {"kind": "file", "attribution": "City & me"}
    sent = asked(settings, f"{address}file")
    assert gzip.decompress(sent.body) == ROADS
    assert sent.headers["content-encoding"] == "gzip"
    for answer in (described, sent):
        assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"


def test_tiles_are_sent_one_by_one_and_the_attribution_without_its_markup(tiles: Path) -> None:
    settings, address = with_base_map(tiles), address_of(opened(tiles))
    description = json.loads(asked(settings, f"{address}description").body)
    assert description == {"kind": "tiles", "attribution": "© Mapmakers", "min_zoom": 2, "max_zoom": 3}
    assert gzip.decompress(asked(settings, f"{address}tiles/2/1/3").body) == TILE


def test_tiles_that_are_not_compressed_in_the_file_are_when_they_are_sent(tmp_path: Path) -> None:
    file = tmp_path / "plain.pmtiles"
    write_pmtiles(file, {(0, 0, 0): TILE}, {}, compression=Compression.NONE)
    answer = asked(with_base_map(file), f"{address_of(opened(file))}tiles/0/0/0")
    assert gzip.decompress(answer.body) == TILE


@pytest.mark.parametrize("place", ["2/0/0", "1/0/0", "9/0/0", "2/4/0", "2/0/400", "60/1/1"])
def test_a_tile_that_is_not_there_is_empty_and_no_error(place: str, tiles: Path) -> None:
    answer = asked(with_base_map(tiles), f"{address_of(opened(tiles))}tiles/{place}")
    assert (answer.status, answer.body) == (204, b"")


@pytest.mark.parametrize("path", ["tiles/2/1/-3", "tiles/a/1/3", "../roads.geojson", "land.pmtiles", ""])
def test_nothing_else_is_given_out(path: str, tiles: Path) -> None:
    assert asked(with_base_map(tiles), f"{address_of(opened(tiles))}{path}").status == 404


def test_without_a_base_map_or_with_an_older_address_there_is_nothing(roads: Path) -> None:
    address = address_of(opened(roads))
    assert asked(with_base_map(None), f"{address}file").status == 404
    assert asked(with_base_map(roads), "/base-map/earlier/file").status == 404
    assert asked(with_base_map(roads), f"{address}tiles/0/0/0").status == 204


def test_a_file_that_has_changed_has_another_address(roads: Path) -> None:
    before = address_of(opened(roads))
    assert address_of(opened(roads)) == before
    roads.write_bytes(ROADS.replace(b"City", b"Town"))
    os.utime(roads, ns=(1, 1))
    assert address_of(opened(roads)) != before
    assert opened(roads).description()["attribution"] == "Town & me"


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("roads.geojson", b"{", "expected GeoJSON in"),
        ("roads.geojson", b"[]", "expected GeoJSON in"),
        ("roads.geojson", b'{"type": "Feature"}', "expected a FeatureCollection in"),
        ("roads.geojson", b'{"type": "FeatureCollection"}', "expected a FeatureCollection in"),
        ("land.pmtiles", b"", "expected PMTiles, version 3, in"),
        ("land.pmtiles", b"nonsense" * 100, "expected PMTiles, version 3, in"),
        ("land.pmtiles", b"PMTiles\x02" + b"\0" * 600, "expected PMTiles, version 3, in"),
    ],
)
def test_a_file_that_is_something_else_is_refused_with_what_was_expected(
    name: str, content: bytes, expected: str, tmp_path: Path
) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    for _ in range(2):
        with pytest.raises(SettingsError, match=expected) as refused:
            opened(file)
        assert str(refused.value).startswith("page.base_map: ")
        assert name in str(refused.value)


def test_a_damaged_tile_is_missing_and_the_rest_is_there(tiles: Path, tmp_path: Path) -> None:
    file = tmp_path / "damaged.pmtiles"
    file.write_bytes(tiles.read_bytes())
    base_map = opened(file)
    with file.open("r+b") as damaged:
        damaged.truncate(130)
    assert base_map.tile(2, 1, 3) is None
    assert base_map.description()["max_zoom"] == 3


def test_tiles_that_are_pictures_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "photos.pmtiles"
    write_pmtiles(file, {(0, 0, 0): b"x"}, {}, tile_type=TileType.PNG)
    with pytest.raises(SettingsError, match=r"expected vector tiles .* got png"):
        opened(file)


def test_tiles_that_no_browser_can_unpack_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "packed.pmtiles"
    write_pmtiles(file, {(0, 0, 0): b"x"}, {}, compression=Compression.ZSTD)
    with pytest.raises(SettingsError, match=r"expected tiles compressed with gzip .* got zstd"):
        opened(file)


def test_a_file_that_is_too_large_for_a_browser_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "planet.geojson"
    with file.open("wb") as sparse:
        sparse.truncate((MAX_GEOJSON_MIB + 1) * 2**20)
    with pytest.raises(SettingsError, match="convert it to PMTiles"):
        opened(file)


def test_a_file_that_is_not_there_is_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"cannot read .*nowhere\.geojson: No such file"):
        opened(tmp_path / "nowhere.geojson")


def test_without_the_library_for_tiles_the_error_says_what_to_install(
    tiles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pmtiles.reader", None)
    with pytest.raises(SettingsError, match=r"pip install 'fleet-telemetry\[maps\]'"):
        opened(tiles)


@pytest.mark.parametrize("name", ["roads.shp", "roads"])
def test_a_setting_that_names_another_kind_of_file_is_invalid(name: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(f'[page]\nbase_map = "{name}"\n', encoding="utf-8")
    with pytest.raises(SettingsError, match=r"base_map.*\.geojson, \.json, \.pmtiles"):
        load(file)
