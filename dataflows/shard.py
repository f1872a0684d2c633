"""Which shard a vehicle belongs to, and how a batch is split by it."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from dataflows.decode import TelemetryBatch

CACHED_VEHICLES = 1 << 17


@lru_cache(maxsize=CACHED_VEHICLES)
def shard_of(vehicle_id: str, shards: int) -> int:
    """Shard of a vehicle, ``crc32(vehicle) % shards``: the same in every process and for ever."""
    return zlib.crc32(vehicle_id.encode()) % shards


def rows_by_shard(vehicle_ids: Sequence[str], shards: int) -> dict[str, NDArray[np.intp]]:
    """Positions of the events of each shard, in order, by the shard's key; no empty ones."""
    shard = np.fromiter((shard_of(vehicle, shards) for vehicle in vehicle_ids), np.intp, len(vehicle_ids))
    return {str(key): np.flatnonzero(shard == key) for key in np.unique(shard)}


def split(batch: TelemetryBatch, shards: int) -> list[tuple[str, TelemetryBatch]]:
    """Split a batch by shard, keeping the order of events within each.

    Returns:
        Pairs of the shard's key and its part of the batch; shards without events are left out.
    """
    return [(key, batch.take(rows)) for key, rows in rows_by_shard(batch.vehicle_ids, shards).items()]
