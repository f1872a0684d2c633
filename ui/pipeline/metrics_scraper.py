"""The Prometheus metrics of the job's processes, read in the background for all viewers."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.error import URLError
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

log = logging.getLogger(__name__)

EVERY = 2.0
"""Seconds between two readings."""

KEPT = 150
"""Readings of each process: five minutes."""

PATIENCE = 2.0
"""Seconds for an answer."""

MOST_BYTES = 8 << 20
"""Of an answer: one that is longer is not of the job."""

Values = Mapping[tuple[str, tuple[tuple[str, str], ...]], float]
"""(name, labels as sorted pairs) → value."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The metrics of a process at one moment.

    Attributes:
        at: seconds since the epoch.
        values: those that start with ``fleet_``.
    """

    at: float
    values: Values

    def total(self, name: str, **labels: str) -> float:
        """Sum over all label sets that contain these; 0 if there is none."""
        wanted = set(labels.items())
        return sum(value for (found, of), value in self.values.items() if found == name and wanted <= set(of))

    def by_label(self, name: str, label: str) -> dict[str, float]:
        """Value of a label → sum of a metric."""
        sums: dict[str, float] = {}
        for (found, of), value in self.values.items():
            if found == name and label in dict(of):
                sums[dict(of)[label]] = sums.get(dict(of)[label], 0.0) + value
        return sums


@dataclass(frozen=True, slots=True)
class ProcessMetrics:
    """What is known of one process.

    Attributes:
        address: of its metrics.
        readings: the last `KEPT`, oldest first.
        trouble: why the last attempt failed; empty if it did not.
    """

    address: str
    readings: tuple[Reading, ...]
    trouble: str

    @property
    def latest(self) -> Reading | None:
        """The newest reading, if the last attempt was successful."""
        return self.readings[-1] if self.readings and not self.trouble else None

    def rate(self, name: str, over: float = 10.0, **labels: str) -> float:
        """By how much a counter rises per second, over the last seconds; 0 if it is not known.

        A counter that falls has begun anew with its process: what it had before does not count.
        """
        latest = self.latest
        if latest is None:
            return 0.0
        before = next((one for one in self.readings if latest.at - one.at <= over), latest)
        rise = latest.total(name, **labels) - before.total(name, **labels)
        return max(rise, 0.0) / (latest.at - before.at) if latest.at > before.at else 0.0


class MetricsScraper:
    """Reads the metrics of processes again and again, whatever happens to them.

    Args:
        addresses: of the metrics of each process.
        clock: seconds since the epoch.
    """

    def __init__(self, addresses: Sequence[str], clock: Callable[[], float] = time.time) -> None:
        self._addresses = tuple(addresses)
        self._clock = clock
        self._readings: dict[str, deque[Reading]] = {one: deque(maxlen=KEPT) for one in self._addresses}
        self._trouble = dict.fromkeys(self._addresses, "not asked yet")
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    def start(self) -> None:
        """Read in the background."""
        threading.Thread(target=self._run, name="metrics", daemon=True).start()

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()

    def processes(self) -> list[ProcessMetrics]:
        """What is known of each process, in the order of the addresses."""
        with self._lock:
            return [
                ProcessMetrics(address, tuple(self._readings[address]), self._trouble[address])
                for address in self._addresses
            ]

    def scrape(self) -> None:
        """Read the metrics of every process once."""
        for address in self._addresses:
            reading, trouble = self._read(address)
            with self._lock:
                self._trouble[address] = trouble
                if reading is not None:
                    self._readings[address].append(reading)

    def _run(self) -> None:
        while not self._stopped.is_set():
            self.scrape()
            self._stopped.wait(EVERY)

    def _read(self, address: str) -> tuple[Reading | None, str]:
        try:
            with urlopen(address, timeout=PATIENCE) as answer:
                text = answer.read(MOST_BYTES).decode("utf-8")
            return Reading(self._clock(), _values(text)), ""
        except URLError as error:
            return None, str(error.reason)
        except (OSError, ValueError) as error:
            return None, str(error) or type(error).__name__


def _values(text: str) -> Values:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith("fleet_")
    }
