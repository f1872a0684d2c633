"""Sharding: the same vehicle always meets the same detector."""

from __future__ import annotations

import zlib

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dataflows.shard import rows_by_shard, shard_of, split
from tests.decoding import decoder, messages

ids = st.lists(st.text(min_size=1, max_size=8), max_size=40)


def test_a_shard_is_the_crc_of_the_vehicle() -> None:
    assert shard_of("VEH-1", 7) == zlib.crc32(b"VEH-1") % 7


@given(ids, st.integers(1, 9))
def test_every_event_is_in_exactly_one_shard_and_keeps_its_order(vehicles: list[str], shards: int) -> None:
    rows = rows_by_shard(vehicles, shards)
    assert sorted(np.concatenate([[], *rows.values()]).tolist()) == list(range(len(vehicles)))
    for key, positions in rows.items():
        assert (np.diff(positions) > 0).all()
        assert {shard_of(vehicles[position], shards) for position in positions} == {int(key)}


def test_a_batch_is_split_with_all_its_columns() -> None:
    payloads = [
        b'{"vehicle_id":"%s","ts":"2026-01-01T00:00:0%dZ","speed":%d,"rpm":1}' % (vehicle, second, second)
        for second, vehicle in enumerate([b"a", b"b", b"c", b"a", b"d", b"a"])
    ]
    batch = decoder().decode(messages(*payloads)).telemetry
    parts = split(batch, 3)
    assert sum(len(part) for _, part in parts) == 6
    for _, part in parts:
        for row, telemetry in enumerate(part.telemetry):
            position = payloads.index(bytes(telemetry))
            assert part.vehicle_ids[row] == batch.vehicle_ids[position]
            assert part.values[row, 0] == position
            assert part.timestamps[row] == batch.timestamps[position]
