"""The roads of a region: connected, measured, and with a shortest way from everywhere to everywhere."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from sim.region.geojson import as_geojson
from sim.region.road_graph import RoadGraph, roads_of
from sim.routes import METRES_PER_DEGREE

LATITUDE, LONGITUDE = 48.1, 11.5
EAST = METRES_PER_DEGREE * np.cos(np.radians(LATITUDE))


def new_graph(seed: int) -> RoadGraph:
    return RoadGraph(np.random.default_rng(seed), latitude=LATITUDE, longitude=LONGITUDE)


@pytest.fixture(scope="module", params=[1, 2, 3])
def graph(request: pytest.FixtureRequest) -> RoadGraph:
    return new_graph(request.param)


def test_a_way_leads_from_everywhere_to_everywhere(graph: RoadGraph) -> None:
    assert np.isfinite(graph.travel_time).all()


def test_there_are_streets_country_roads_and_a_motorway_with_their_limits(graph: RoadGraph) -> None:
    limits = {
        kind: {road.limit for road in graph.layout.roads if road.kind == kind}
        for kind in ("street", "country", "access", "motorway")
    }
    assert limits == {"street": {30.0, 50.0}, "country": {70.0, 100.0}, "access": {80.0}, "motorway": {120.0}}


def test_following_the_way_arrives_and_takes_the_time_of_the_table(graph: RoadGraph) -> None:
    rng = np.random.default_rng(0)
    for start, target in rng.integers(0, len(graph.length), (40, 2)).tolist():
        edge, seconds, visited = start, 0.0, []
        while edge != target:
            edge = int(graph.follow(np.array([edge]), np.array([target]))[0])
            assert edge not in visited, "the way goes around in circles"
            visited.append(edge)
            assert graph.tail[edge] == graph.head[([start, *visited])[-2]]
            seconds += graph.travel_time[graph.tail[edge], graph.head[edge]] * (edge != target)
        if start != target:
            assert seconds == pytest.approx(graph.seconds_to(start, target), rel=1e-6)


def test_edges_join_where_their_nodes_are(graph: RoadGraph) -> None:
    edges = np.arange(len(graph.length))
    for along, node in ((np.zeros(len(edges)), graph.tail), (graph.length - 1e-9, graph.head)):
        latitude, longitude = graph.position(edges, along)
        at = graph.to_degrees(*np.array(graph.layout.nodes)[node].T)
        np.testing.assert_allclose(latitude, at[0], atol=1e-7)
        np.testing.assert_allclose(longitude, at[1], atol=1e-7)


def test_the_way_back_is_the_same_road(graph: RoadGraph) -> None:
    edges = np.arange(len(graph.length))
    forth = graph.position(edges, 0.3 * graph.length)
    back = graph.position(edges ^ 1, 0.7 * graph.length)
    np.testing.assert_allclose(forth, back, atol=1e-6)


def test_heading_is_where_the_road_leads_and_turns_around_on_the_way_back(graph: RoadGraph) -> None:
    edges = np.arange(len(graph.length))
    along = 0.5 * graph.length
    here, there = graph.position(edges, along), graph.position(edges, along + 0.5)
    east, north = (there[1] - here[1]) * EAST, (there[0] - here[0]) * METRES_PER_DEGREE
    turned = (graph.heading(edges, along) - np.degrees(np.arctan2(east, north)) + 180.0) % 360.0 - 180.0
    assert np.abs(turned).max() < 6.0
    opposite = (graph.heading(edges ^ 1, along) - graph.heading(edges, along)) % 360.0
    assert np.abs(opposite - 180.0).max() < 6.0


def test_positions_move_as_far_as_the_way_along_an_edge(graph: RoadGraph) -> None:
    for edge in np.argsort(-graph.length)[:6].tolist():
        along = np.linspace(0.0, graph.length[edge] - 1e-6, 5000)
        latitude, longitude = graph.position(np.full(len(along), edge), along)
        moved = np.hypot(np.diff(latitude) * METRES_PER_DEGREE, np.diff(longitude) * EAST)
        assert moved.sum() == pytest.approx(graph.length[edge], rel=1e-3)


def test_sharp_turns_are_slow_and_going_straight_on_is_not(graph: RoadGraph) -> None:
    edges = np.arange(len(graph.length))
    assert (graph.turning_speed(edges, edges ^ 1) < 5.0).all()
    motorway = np.flatnonzero(graph.limit == 120.0)
    straight = [
        float(graph.turning_speed(np.array([one]), np.array([other]))[0])
        for one in motorway.tolist()
        for other in motorway.tolist()
        if graph.head[one] == graph.tail[other] and other != one ^ 1
    ]
    assert min(straight, default=60.0) > 30.0


def test_the_nearest_station_is_the_one_that_takes_least_time(graph: RoadGraph) -> None:
    assert len(graph.station) >= len(graph.layout.towns)
    for node in range(0, len(graph.layout.nodes), 17):
        times = graph.travel_time[node, graph.tail[graph.station]]
        chosen = graph.nearest_station(node)
        assert graph.travel_time[node, graph.tail[chosen]] == times.min()


def test_the_point_nearest_to_a_place_on_a_road_is_there(graph: RoadGraph) -> None:
    edges = np.array([3, 40, 90])
    latitude, longitude = graph.position(edges, 0.4 * graph.length[edges])
    for index, edge in enumerate(edges.tolist()):
        found, along, off = graph.nearest(float(latitude[index]), float(longitude[index]))
        assert found // 2 == edge // 2
        assert off < 6.0
        assert 0.0 <= along <= graph.length[found]


def test_the_seed_decides_the_roads() -> None:
    first = as_geojson(roads_of(5, latitude=LATITUDE, longitude=LONGITUDE))
    assert first == as_geojson(roads_of(5, latitude=LATITUDE, longitude=LONGITUDE))
    assert first != as_geojson(roads_of(6, latitude=LATITUDE, longitude=LONGITUDE))


def test_the_map_is_geojson_with_a_line_for_each_road_and_a_point_for_each_station(graph: RoadGraph) -> None:
    collection = msgspec.json.decode(as_geojson(graph))
    kinds = [feature["geometry"]["type"] for feature in collection["features"]]
    assert collection["type"] == "FeatureCollection"
    assert kinds.count("LineString") == len(graph.layout.roads)
    assert kinds.count("Point") == len(graph.station)
    for feature in collection["features"][:5]:
        for longitude, latitude in feature["geometry"]["coordinates"]:
            assert abs(longitude - LONGITUDE) < 0.6
            assert abs(latitude - LATITUDE) < 0.4
