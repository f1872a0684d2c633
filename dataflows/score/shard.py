"""Assigns events to shards and shards to workers, and splits batches by shard.

Events from Kafka are sharded by partition, all others by vehicle. Either way, results do not depend on the
number of workers.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from itertools import count, pairwise, starmap

import numpy as np
from numpy.typing import NDArray
from siphash24 import siphash13

from dataflows.decode import Decoded, TelemetryBatch

CACHED_VEHICLES = 1 << 17
"""Vehicles whose shard is cached, at most."""

EVEN_UP_TO = 8
"""Number of workers up to which shards are distributed evenly."""

_PERIOD = math.lcm(*range(1, EVEN_UP_TO + 1))


@cache
def shard_key(shard: int) -> str:
    """The key of a shard, chosen so that Bytewax assigns it to worker ``shard % workers``.

    Bytewax assigns a key to worker ``SipHash-1-3(key) % workers``. Plain numbers as keys would be distributed
    by chance: with two workers, the first would get all of 0 to 3. So the key has a tag with which its hash
    equals the shard's number, modulo every number of workers up to `EVEN_UP_TO`. Partitions of a source are
    assigned the same way, so with that many workers, events of a Kafka partition stay on the worker that
    has read them, instead of being pickled for another process.

    The key is part of the recovery state and must never change.
    """
    return next(key for tag in count() if _hash(key := f"{shard}.{tag}") % _PERIOD == shard % _PERIOD)


def _hash(key: str) -> int:
    # As Rust's `DefaultHasher` hashes a `str`: without a secret, and with a byte that terminates the text.
    return int.from_bytes(siphash13(key.encode() + b"\xff", key=bytes(16)).digest(), "little")


def shard_of(vehicle_id: str, shards: int) -> int:
    """Shard of a vehicle, ``crc32(vehicle) % shards``: the same in every process, and must never change."""
    return zlib.crc32(vehicle_id.encode()) % shards


class _ShardCache(dict[str, int]):
    """Vehicle → shard, for one number of shards.

    A dict, because a lookup then runs no Python code. It is emptied when full, which is cheaper than to keep
    track of the oldest entries.
    """

    def __init__(self, shards: int) -> None:
        super().__init__()
        self._shards = shards

    def __missing__(self, vehicle_id: str) -> int:
        if len(self) >= CACHED_VEHICLES:
            self.clear()
        self[vehicle_id] = shard = shard_of(vehicle_id, self._shards)
        return shard


_shard_cache = cache(_ShardCache)


def rows_by_shard(vehicle_ids: Sequence[str], shards: int) -> dict[int, NDArray[np.intp]]:
    """Positions of the events of each shard that has any, ascending."""
    shard = np.fromiter(map(_shard_cache(shards).__getitem__, vehicle_ids), np.intp, len(vehicle_ids))
    return {number: np.flatnonzero(shard == number) for number in np.unique(shard).tolist()}


def split(decoded: Decoded, shards: int) -> list[tuple[str, TelemetryBatch]]:
    """Split the good events of a batch by shard, keeping their order within each.

    Args:
        decoded: the decoded batch.
        shards: number of shards; not used for events from Kafka.

    Returns:
        Pairs of a shard's key and its part of the batch, for every shard with events.
    """
    batch = decoded.telemetry
    if decoded.partition is not None:
        shard = decoded.partition
        return [(shard_key(shard), replace(batch, shard=shard))] if len(batch) else []
    by_shard = rows_by_shard(batch.vehicle_ids, shards)
    if not by_shard:
        return []
    # Sorting once and slicing takes less time than selecting the events of each shard.
    ordered = batch.take(np.concatenate(list(by_shard.values())))
    stops = np.cumsum([len(rows) for rows in by_shard.values()]).tolist()
    cuts = starmap(slice, pairwise([0, *stops]))
    return [
        (shard_key(shard), replace(ordered, shard=shard).part(cut))
        for shard, cut in zip(by_shard, cuts, strict=True)
    ]
