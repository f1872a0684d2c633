"""Which shard an event belongs to, which worker has it, and how a batch is split by shard.

Events from Kafka are sharded by their partition, all others by their vehicle. Either way the results do
not depend on how many workers there are.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from functools import cache
from itertools import count, pairwise, starmap

import numpy as np
from numpy.typing import NDArray
from siphash24 import siphash13

from dataflows.decode import Decoded, TelemetryBatch

CACHED_VEHICLES = 1 << 17

EVEN_UP_TO = 8
"""Workers up to which shards are spread as evenly as can be."""

_PERIOD = math.lcm(*range(1, EVEN_UP_TO + 1))


@cache
def shard_key(shard: int) -> str:
    """The key of a shard, such that Bytewax has it on worker ``shard % workers``.

    Bytewax sends a key to worker ``SipHash-1-3(key) % workers``. Plain numbers as keys would not be spread
    but thrown: with two workers, 0 to 3 all come to the first. So a tag is searched that makes the hash
    equal the shard's number, modulo all numbers of workers up to `EVEN_UP_TO`. Partitions of a source are
    dealt out the same way, so that with so many workers events of a Kafka partition stay on the one that
    has read them, instead of being pickled for another process.

    The key is part of the recovery state: it must stay the same for ever.
    """
    return next(key for tag in count() if _hash(key := f"{shard}.{tag}") % _PERIOD == shard % _PERIOD)


def _hash(key: str) -> int:
    # As Rust's `DefaultHasher` does with a `str`: no secret, and a byte that ends the text.
    return int.from_bytes(siphash13(key.encode() + b"\xff", key=bytes(16)).digest(), "little")


def shard_of(vehicle_id: str, shards: int) -> int:
    """Shard of a vehicle, ``crc32(vehicle) % shards``: the same in every process and for ever."""
    return zlib.crc32(vehicle_id.encode()) % shards


class _Known(dict[str, int]):
    """Vehicle → shard, for so many shards; a dict, so that looking up runs no Python."""

    def __init__(self, shards: int) -> None:
        super().__init__()
        self._shards = shards

    def __missing__(self, vehicle_id: str) -> int:
        if len(self) >= CACHED_VEHICLES:
            self.clear()
        self[vehicle_id] = shard = shard_of(vehicle_id, self._shards)
        return shard


_known = cache(_Known)


def rows_by_shard(vehicle_ids: Sequence[str], shards: int) -> dict[str, NDArray[np.intp]]:
    """Positions of the events of each shard, in order, by the shard's key; no empty ones."""
    shard = np.fromiter(map(_known(shards).__getitem__, vehicle_ids), np.intp, len(vehicle_ids))
    return {shard_key(number): np.flatnonzero(shard == number) for number in np.unique(shard).tolist()}


def split(decoded: Decoded, shards: int) -> list[tuple[str, TelemetryBatch]]:
    """Split the good events of a batch by shard, keeping their order within each.

    Args:
        decoded: what became of the batch.
        shards: number of shards of vehicles; of no meaning to events from Kafka.

    Returns:
        Pairs of the shard's key and its part of the batch; shards without events are left out.
    """
    batch = decoded.telemetry
    if decoded.partition is not None:
        return [(shard_key(decoded.partition), batch)] if len(batch) else []
    by_shard = rows_by_shard(batch.vehicle_ids, shards)
    if not by_shard:
        return []
    # Put in order once and then cut: that takes less than to pick the events of each shard.
    ordered = batch.take(np.concatenate(list(by_shard.values())))
    stops = np.cumsum([len(rows) for rows in by_shard.values()]).tolist()
    cuts = starmap(slice, pairwise([0, *stops]))
    return [(key, ordered.part(cut)) for key, cut in zip(by_shard, cuts, strict=True)]
