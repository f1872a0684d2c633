"""The picture of docs/simulator.md."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from scripts import region_picture
from sim.region.road_graph import roads_of


def test_the_picture_shows_every_road_some_tracks_and_the_stations() -> None:
    picture = ET.parse(region_picture.FILE).getroot()
    roads = roads_of(region_picture.SEED, latitude=0.0, longitude=0.0)
    name = "{http://www.w3.org/2000/svg}"
    assert len(picture.findall(f"{name}polyline")) == len(roads.layout.roads) + region_picture.TRACKS
    # One more is in the legend.
    assert len(picture.findall(f"{name}circle")) == len(roads.station) + 1
