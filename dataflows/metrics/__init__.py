"""What the jobs count and measure, as Prometheus metrics; docs/metrics.md is printed from this catalogue.

Every process serves its own at ``/metrics`` of ``[monitoring]``. Counters start at 0 with the process, and
events that are replayed after a restart are counted again. No metric names a worker: workers of one process
share its counters, the scraped address distinguishes processes, and ``shard`` is the same whichever worker
owns it.

``python -m dataflows.metrics`` prints the table, and with ``--write`` puts it into docs/metrics.md.
"""

from __future__ import annotations

from dataflows.metrics.catalogue import *  # noqa: F403
from dataflows.metrics.definition import CATALOGUE as CATALOGUE
