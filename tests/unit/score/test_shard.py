"""Sharding: a vehicle always has the same detector."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import bytewax.operators as op
import numpy as np
import pytest
from bytewax.dataflow import Dataflow
from bytewax.operators import StatefulBatchLogic
from bytewax.testing import TestingSink, TestingSource, cluster_main
from hypothesis import given
from hypothesis import strategies as st

from dataflows.score.shard import EVEN_UP_TO, rows_by_shard, shard_key, shard_of, split
from tests.support.decoding import decoder, messages

ids = st.lists(st.text(min_size=1, max_size=8), max_size=40)


def test_a_shard_is_the_crc_of_the_vehicle() -> None:
    assert shard_of("VEH-1", 7) == zlib.crc32(b"VEH-1") % 7


@given(ids, st.integers(1, 9))
def test_every_event_is_in_exactly_one_shard_and_keeps_its_order(vehicles: list[str], shards: int) -> None:
    rows = rows_by_shard(vehicles, shards)
    assert sorted(np.concatenate([[], *rows.values()]).tolist()) == list(range(len(vehicles)))
    for shard, positions in rows.items():
        assert (np.diff(positions) > 0).all()
        assert {shard_of(vehicles[position], shards) for position in positions} == {shard}


def test_a_batch_is_split_with_all_its_columns() -> None:
    payloads = [
        b'{"vehicle_id":"%s","ts":"2026-01-01T00:00:0%dZ","speed":%d,"rpm":1}' % (vehicle, second, second)
        for second, vehicle in enumerate([b"a", b"b", b"c", b"a", b"d", b"a"])
    ]
    decoded = decoder().decode(messages(*payloads))
    batch = decoded.telemetry
    parts = split(decoded, 3)
    assert sum(len(part) for _, part in parts) == 6
    for _, part in parts:
        for row, telemetry in enumerate(part.telemetry):
            position = payloads.index(bytes(telemetry))
            assert part.vehicle_ids[row] == batch.vehicle_ids[position]
            assert part.values[row, 0] == position
            assert part.timestamps[row] == batch.timestamps[position]


def test_events_of_a_kafka_partition_are_one_shard_whatever_their_vehicles() -> None:
    payloads = [b'{"vehicle_id":"%d","ts":"2026-01-01T00:00:00Z","speed":1,"rpm":1}' % n for n in range(9)]
    decoded = decoder().decode(replace(messages(*payloads), partition=5))
    [(key, batch)] = split(decoded, 3)
    assert key == shard_key(5)
    assert len(batch) == 9


def test_a_kafka_partition_without_a_good_event_has_no_part() -> None:
    assert split(decoder().decode(replace(messages(b"?"), partition=5)), 3) == []


def test_keys_of_shards_never_change_because_they_are_part_of_the_recovery_state() -> None:
    assert [shard_key(shard) for shard in range(4)] == ["0.244", "1.967", "2.1388", "3.1316"]


class _Where(StatefulBatchLogic[str, tuple[str, int], None]):
    """Emits the thread, and so the worker, that has processed a key."""

    def on_batch(self, values: list[str]) -> tuple[Iterable[Any], bool]:
        return [(value, threading.get_ident()) for value in values], self.RETAIN

    def snapshot(self) -> None:
        return None


@pytest.mark.parametrize("workers", range(2, EVEN_UP_TO + 1))
def test_bytewax_distributes_shards_evenly_over_its_workers(workers: int) -> None:
    keys = [shard_key(shard) for shard in range(2 * workers)]
    met: list[tuple[str, tuple[str, int]]] = []
    flow = Dataflow("where")
    stream = op.input("in", flow, TestingSource([(key, key) for key in keys]))
    op.output("out", op.stateful_batch("where", stream, lambda _: _Where()), TestingSink(met))
    cluster_main(flow, [], 0, worker_count_per_proc=workers)
    worker_of = {key: thread for key, (_, thread) in met}
    assert len(set(worker_of.values())) == workers
    for shard in range(workers):
        assert worker_of[keys[shard]] == worker_of[keys[shard + workers]]
