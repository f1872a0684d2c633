"""The Prometheus metrics of the job's processes, read in the background for all viewers."""

from __future__ import annotations

import json
import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.error import HTTPError, URLError
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

Labels = tuple[tuple[str, str], ...]
Values = Mapping[tuple[str, Labels], float]
"""(name, labels as sorted pairs) → value."""

PREFIXES = ("fleet_", "process_")
"""How names begin that are kept: those of the job, and of its process."""


READY, STARTED = "fleet_ready", "process_start_time_seconds"


@dataclass(frozen=True, slots=True)
class Reading:
    """The metrics of a process at one moment.

    Attributes:
        at: seconds since the epoch.
        values: those whose names begin with one of the `PREFIXES`.
    """

    at: float
    values: Values

    def total(self, name: str, **labels: str) -> float:
        """Sum over all label sets that contain these, as far as it is known; 0 if there is none."""
        wanted = set(labels.items())
        return sum(
            value
            for (found, of), value in self.values.items()
            if found == name and wanted <= set(of) and not math.isnan(value)
        )

    def oldest(self, name: str, **labels: str) -> float | None:
        """The least value over all label sets that contain these; ``None`` if there is none."""
        wanted = set(labels.items())
        return min(
            (value for (found, of), value in self.values.items() if found == name and wanted <= set(of)),
            default=None,
        )

    def has(self, name: str) -> bool:
        """Whether there is a value of this name."""
        return any(found == name for found, _ in self.values)

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
        not_ready: why the process says that it is not ready; nothing if it is.
    """

    address: str
    readings: tuple[Reading, ...]
    trouble: str
    not_ready: tuple[str, ...] = ()

    @property
    def latest(self) -> Reading | None:
        """The newest reading, if the last attempt was successful."""
        return self.readings[-1] if self.readings and not self.trouble else None

    def before(self, seconds: float) -> Reading | None:
        """The oldest reading of the last seconds, or since a counter has begun anew with its process."""
        latest = self.latest
        if latest is None:
            return None
        start = latest.total(STARTED)
        return next(
            one for one in self.readings if latest.at - one.at <= seconds and one.total(STARTED) == start
        )

    def rise(self, name: str, over: float, **labels: str) -> float:
        """By how much a value has risen over the last seconds; what a counter had before a restart is out."""
        latest, before = self.latest, self.before(over)
        if latest is None or before is None:
            return 0.0
        return latest.total(name, **labels) - before.total(name, **labels)

    def rate(self, name: str, over: float = 10.0, **labels: str) -> float:
        """By how much a counter rises per second, over the last seconds; 0 if it is not known."""
        latest, before = self.latest, self.before(over)
        if latest is None or before is None or latest.at <= before.at:
            return 0.0
        return max(self.rise(name, over, **labels), 0.0) / (latest.at - before.at)


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
        self._not_ready: dict[str, tuple[str, ...]] = dict.fromkeys(self._addresses, ())
        self._keys: dict[tuple[str, Labels], tuple[str, Labels]] = {}
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
                ProcessMetrics(
                    address, tuple(self._readings[address]), self._trouble[address], self._not_ready[address]
                )
                for address in self._addresses
            ]

    def scrape(self) -> None:
        """Read the metrics of every process once."""
        for address in self._addresses:
            reading, trouble = self._read(address)
            is_ready = reading is None or reading.total(READY) > 0.0 or not reading.has(READY)
            not_ready = () if is_ready else reasons(address)
            with self._lock:
                self._trouble[address] = trouble
                self._not_ready[address] = not_ready
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
            return Reading(self._clock(), self._values(text)), ""
        except URLError as error:
            return None, str(error.reason)
        except (OSError, ValueError) as error:
            return None, str(error) or type(error).__name__

    def _values(self, text: str) -> Values:
        found = {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name.startswith(PREFIXES)
        }
        # Of the hundreds of readings, all have the same keys.
        return {self._keys.setdefault(key, key): value for key, value in found.items()}


def reasons(address: str) -> tuple[str, ...]:
    """Why a process is not ready, as it says itself; one sentence if it does not say.

    Args:
        address: of its metrics; its readiness is beside them.
    """
    try:
        with urlopen(f"{address.rpartition('/')[0]}/ready", timeout=PATIENCE) as answer:
            answer.read(MOST_BYTES)
            return ()
    except HTTPError as error:
        with error:
            try:
                troubles = json.loads(error.read(MOST_BYTES))["troubles"]
                return tuple(map(str, troubles)) or ("it does not say why",)
            except (ValueError, KeyError, TypeError, OSError):
                return ("it does not say why",)
    except (OSError, ValueError):
        return ("it does not say why",)
