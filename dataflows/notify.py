"""Tell people about alerts: ``python -m bytewax.run dataflows.notify``.

    alerts ──► read ──┬──► dispatch ──► mail
                      ├──► on-call  ──► chat
                      └──► …        ──► webhook

Every channel of ``[notify.channels]`` is told of each change that it wants to know of at least once, also if
the job is killed, provided that it has a recovery directory (``-r DIR -s SECONDS -b SECONDS``).
docs/notifications.md says what is sent when. ``python -m dataflows.notify --dry-run`` prints messages instead
of sending them.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import Source

from config.alert_settings import NotifySettings
from config.errors import SettingsError
from config.logs import announce
from config.settings import Settings, load
from dataflows.connectors.endpoints import alerts_source
from dataflows.job import job
from dataflows.job.monitoring import monitor
from dataflows.job.recovery_directory import RecoveryOptions
from dataflows.job.stopping import with_graceful_shutdown
from dataflows.job.watched_source import WatchedSource
from dataflows.messages import MessageBatch
from dataflows.notification.reading import AlertReader, Update
from dataflows.notification.services import Service, services_of
from dataflows.notification.step import LogSink, channel_step, restored_channel, tell

logger = logging.getLogger(__name__)

# Flow and step ids are keys in the recovery store: under a new id a job does not find its state.
FLOW = "notify"
ALERTS = "alerts"
READ = "read"
TELL = "tell"
TOLD = "told"

DRY_RUN = "FLEET__NOTIFY__DRY_RUN"


def flow() -> Dataflow:
    """The dataflow for the settings in force.

    Raises:
        SystemExit: after one line on standard error, if a setting or the recovery directory is wrong.
    """
    with job(FLOW) as newest_states:
        settings = load()
        monitor(FLOW, settings.monitoring)
        has_recovery = _has_recovery(settings.notify)
        services = services_of(settings.notify)
        for name in services:
            for stored in newest_states(channel_step(TELL, name)):
                restored_channel(settings, name, stored)
        source = with_graceful_shutdown(FLOW, WatchedSource(alerts_source(*_reader(settings))))
        dataflow = build(settings, source, services)
    if not has_recovery and not settings.notify.dry_run:
        logger.warning(
            "no recovery directory (-r): what is not sent when the job ends is lost, and alerts that are "
            "open are told again after a restart"
        )
    how = "printing what they would be told" if settings.notify.dry_run else "telling"
    announce(
        FLOW,
        f"{how}: {', '.join(services)}; alerts from {settings.enriched_broker}",
        channels=list(services),
        broker=settings.enriched_broker,
    )
    return dataflow


def build(settings: Settings, source: Source[MessageBatch], services: Mapping[str, Service]) -> Dataflow:
    """Connect the steps of the picture.

    Args:
        settings: all settings.
        source: the alerts.
        services: what accepts the messages of each channel, by its name.
    """
    dataflow = Dataflow(FLOW)
    messages = op.input(ALERTS, dataflow, source)
    updates = op.flat_map(READ, messages, _read())
    told = tell(TELL, updates, settings, services)
    op.output(TOLD, told, LogSink())
    return dataflow


def _has_recovery(settings: NotifySettings) -> bool:
    directory = RecoveryOptions.of(sys.argv, os.environ).directory
    if settings.dry_run and directory is not None:
        raise SettingsError(
            f"notify.dry_run: expected no recovery directory, got {directory}, in which a dry run would note "
            "that people were told; leave out -r"
        )
    return directory is not None


def _read() -> Callable[[MessageBatch], list[list[Update]]]:
    reader = AlertReader()

    def read(batch: MessageBatch) -> list[list[Update]]:
        updates = reader.read(batch)
        return [updates] if updates else []

    return read


def _reader(settings: Settings) -> tuple[Settings, str]:
    """Settings and role of what reads the alerts. A dry run takes nothing away from a real one."""
    if not settings.notify.dry_run:
        return settings, FLOW
    mqtt = settings.mqtt.model_copy(update={"session_expiry": 0})
    return settings.model_copy(update={"mqtt": mqtt}), f"{FLOW}-dry-run"


def main(arguments: Sequence[str] | None = None) -> None:
    """Become ``python -m bytewax.run dataflows.notify``, with an option for a dry run."""
    parser = argparse.ArgumentParser(
        prog="python -m dataflows.notify",
        description="Tell people about alerts.",
        epilog="All other options are those of python -m bytewax.run, such as -r DIR -s SECONDS -b SECONDS.",
    )
    parser.add_argument("--dry-run", action="store_true", help="print messages instead of sending them")
    options, others = parser.parse_known_args(arguments)
    if options.dry_run:
        os.environ[DRY_RUN] = "true"
    os.execv(sys.executable, [sys.executable, "-m", "bytewax.run", "dataflows.notify", *others])


if __name__ == "__main__":
    main()
