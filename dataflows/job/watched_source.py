"""A source whose progress is reported: what it reads, and the epochs that are completed."""

from __future__ import annotations

import logging
import time
from datetime import datetime
from typing import Any

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

from dataflows.health import HEALTH
from dataflows.messages import MessageBatch
from dataflows.metrics import LAST_MESSAGE, MESSAGES

logger = logging.getLogger(__name__)


class WatchedSource(FixedPartitionedSource[MessageBatch, Any]):
    """Another source, which it changes in nothing.

    Args:
        source: the other one.
        may_be_silent: whether it is no trouble when nothing comes from it.
    """

    def __init__(
        self, source: FixedPartitionedSource[MessageBatch, Any], *, may_be_silent: bool = False
    ) -> None:
        self._source = source
        self._may_be_silent = may_be_silent

    def list_parts(self) -> list[str]:
        return self._source.list_parts()

    def build_part(self, step_id: str, for_part: str, resume_state: Any) -> WatchedPartition:
        partition = self._source.build_part(step_id, for_part, resume_state)
        return WatchedPartition(partition, step_id.rpartition(".")[2], may_be_silent=self._may_be_silent)


class WatchedPartition(StatefulSourcePartition[MessageBatch, Any]):
    """A partition of another source.

    Bytewax says nothing when an epoch is stored. But it asks a source for more only after the epoch before
    has passed through the dataflow and, with recovery, has been committed.
    """

    def __init__(
        self, partition: StatefulSourcePartition[MessageBatch, Any], step: str, *, may_be_silent: bool
    ) -> None:
        self._partition = partition
        self._step = step
        self._may_be_silent = may_be_silent
        self._messages = MESSAGES.labels(step)
        self._last_message = LAST_MESSAGE.labels(step)
        self._epoch_ended_at: float | None = None
        self._heard()

    def next_batch(self) -> list[MessageBatch]:
        """The other source's next batch.

        Raises:
            StopIteration: the other source has ended.
        """
        HEALTH.running()
        if self._epoch_ended_at is not None:
            HEALTH.epoch_completed(self._epoch_ended_at)
            seconds = round(time.time() - self._epoch_ended_at, 3)
            logger.debug(
                "step %s: an epoch is completed, and stored where there is recovery, %g s after its snapshot",
                self._step,
                seconds,
                extra={"step": self._step, "seconds": seconds},
            )
            self._epoch_ended_at = None
        batches = list(self._partition.next_batch())
        if batches:
            self._messages.inc(sum(map(len, batches)))
            self._heard()
        return batches

    def next_awake(self) -> datetime | None:
        return self._partition.next_awake()

    def snapshot(self) -> Any:
        self._epoch_ended_at = time.time()
        return self._partition.snapshot()

    def close(self) -> None:
        self._partition.close()

    def _heard(self) -> None:
        self._last_message.set_to_current_time()
        if not self._may_be_silent:
            HEALTH.heard()
