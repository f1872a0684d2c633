"""Which shard a vehicle belongs to, and how a batch is split by it."""

from __future__ import annotations

import zlib
from functools import lru_cache

import numpy as np

from dataflows.decode import TelemetryBatch

CACHED_VEHICLES = 1 << 17


@lru_cache(maxsize=CACHED_VEHICLES)
def shard_of(vehicle_id: str, shards: int) -> int:
    """Shard of a vehicle, ``crc32(vehicle) % shards``: the same in every process and for ever."""
    return zlib.crc32(vehicle_id.encode()) % shards


def split(batch: TelemetryBatch, shards: int) -> list[tuple[str, TelemetryBatch]]:
    """Split a batch by shard, keeping the order of events within each.

    Returns:
        Pairs of the shard's key and its part of the batch; shards without events are left out.
    """
    if shards == 1 or len(batch) == 0:
        return [("0", batch)] if len(batch) else []
    shard = np.fromiter((shard_of(vehicle, shards) for vehicle in batch.vehicle_ids), np.intp, len(batch))
    return [(str(key), batch.take(np.flatnonzero(shard == key))) for key in np.unique(shard)]
