"""Which tests run in the same worker process when there are several."""

from __future__ import annotations

from xdist.scheduler import LoadFileScheduling


class KafkaInOneWorker(LoadFileScheduling):  # type: ignore[misc]
    """The tests of a file run in one worker, so that they share its fixtures; so do all tests on Kafka.

    Otherwise each worker would start a Kafka cluster for them.
    """

    def _split_scope(self, nodeid: str) -> str:
        return "kafka" if "kafka" in nodeid else str(super()._split_scope(nodeid))
