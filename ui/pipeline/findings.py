"""What an operator has to look at, in words, the worst first. The limits are those of the alert rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from config.settings import Settings
from ui.formatting import duration, markdown, number
from ui.pipeline import figures
from ui.pipeline.metrics_scraper import ProcessMetrics

OLDEST_SNAPSHOT, LONGEST_SILENCE, OLDEST_EVENTS = 120.0, 300.0, 300.0
"""Seconds, where the settings have no limit."""

LONGEST_LATENCY = 10.0
"""Seconds that one event in twenty may take longer than."""

LONGEST_QUEUE, LONGEST_LAG = 1_000.0, 10_000.0
"""Messages."""

DEAD_SHARE, LATE_SHARE, DUPLICATE_SHARE = 0.01, 0.05, 0.05
"""Of the events of the last minute."""

FEWEST_EVENTS = 100
"""In a minute, below which a share says nothing."""

LEAST_DISK = 2e9
"""Bytes."""

DRIFT_SEEN_FOR = 300.0
"""Seconds that a drift is shown for."""


class Finding(NamedTuple):
    """Something to look at.

    Attributes:
        level: critical is worth waking somebody, warning is for the morning.
        text: what it is, Markdown.
        action: what to do, Markdown.
    """

    level: Literal["critical", "warning"]
    text: str
    action: str


def findings(settings: Settings, processes: Sequence[ProcessMetrics]) -> list[Finding]:
    """Everything that is over a limit, critical things first."""
    reachable = [process for process in processes if process.latest is not None]
    found = [
        *_of_processes(settings, processes),
        *_of_the_stream(settings, reachable),
        *_of_what_comes(reachable),
        *_of_the_rest(reachable),
    ]
    return sorted(found, key=lambda finding: finding.level != "critical")


def _of_processes(settings: Settings, processes: Sequence[ProcessMetrics]) -> Iterator[Finding]:
    oldest = settings.monitoring.max_snapshot_age or OLDEST_SNAPSHOT
    for process in processes:
        name = f"**{markdown(figures.name_of(process))}**"
        if process.latest is None:
            yield Finding(
                "critical",
                f"{name} does not answer: {markdown(process.trouble)}",
                "Look at the last line of its log, and start it again; nothing is lost meanwhile.",
            )
            continue
        if process.not_ready:
            reasons = "; ".join(map(markdown, process.not_ready))
            yield Finding(
                "critical", f"{name} is not ready: {reasons}", "It goes on by itself once that is mended."
            )
        age = figures.snapshot_age(process)
        if age is not None and age > oldest and not process.not_ready:
            yield Finding(
                "critical",
                f"{name} has completed no epoch for {duration(age)}",
                "A sink waits for its broker, or the recovery directory cannot be written: look at both.",
            )


def _of_the_stream(settings: Settings, processes: Sequence[ProcessMetrics]) -> Iterator[Finding]:
    silence = figures.silence(processes)
    longest = settings.alerts.no_data_after or LONGEST_SILENCE
    if silence is not None and silence > longest:
        yield Finding(
            "critical",
            f"No telemetry for {duration(silence)}",
            "Do vehicles publish, on this topic? Is the gateway before the broker up?",
        )
    for process in processes:
        waiting, name = figures.behind(process) or 0.0, markdown(figures.name_of(process))
        latest = process.latest
        is_kafka = latest is not None and latest.has(figures.LAG)
        grows = not is_kafka or process.rise(figures.LAG, figures.MINUTE) > 0.0
        if waiting > (LONGEST_LAG if is_kafka else LONGEST_QUEUE) and grows:
            yield Finding(
                "warning",
                f"**{name}** is {number(waiting)} messages behind"
                + (", and falls back further" if is_kafka else ""),
                "Start more processes, up to one for each partition."
                if is_kafka
                else "It cannot keep up: send several events per message, or use Kafka.",
            )
    latency = figures.latency(processes, 0.95)
    if latency is not None and latency > LONGEST_LATENCY:
        yield Finding(
            "warning",
            f"One event in twenty takes longer than {duration(latency)} from the vehicle to its result",
            "If nothing waits below, events are late before they reach the broker, or clocks are slow.",
        )


def _of_what_comes(processes: Sequence[ProcessMetrics]) -> Iterator[Finding]:
    events = figures.rise(processes, figures.EVENTS)
    by_reason = figures.rises_by(processes, figures.DEAD_LETTERS, "reason", figures.MINUTE)
    all_events = events + sum(by_reason.values())
    if all_events < FEWEST_EVENTS:
        return
    for reason, count in by_reason.items():
        if count > DEAD_SHARE * all_events:
            yield Finding(
                "warning",
                f"{count / all_events:.1%} of what comes cannot be decoded: {markdown(reason)}",
                "The latest are below, with their bytes. Compare them with \\[payload\\] and \\[signals\\].",
            )
    late = figures.rise(processes, figures.EVENTS, status="late")
    if late > LATE_SHARE * all_events:
        yield Finding(
            "warning",
            f"{late / all_events:.1%} of the events are older than all that is known of their vehicle",
            "They are scored and not learned. Clocks that go wrong, or a gateway that sends old events last.",
        )
    repeated = figures.rise(processes, figures.DUPLICATES)
    if repeated > DUPLICATE_SHARE * (all_events + repeated):
        yield Finding(
            "warning",
            f"{repeated / (all_events + repeated):.1%} of what comes had come before",
            "Two clients publish the same data, or a bridge forwards in a loop.",
        )
    age = figures.event_time_age(processes)
    if age is not None and age > OLDEST_EVENTS:
        yield Finding(
            "warning",
            f"What comes in is {duration(age)} old",
            "Vehicles send what they had kept, or the job catches up; else look at clocks and time zones.",
        )


def _of_the_rest(processes: Sequence[ProcessMetrics]) -> Iterator[Finding]:
    failed = figures.rises_by(processes, figures.FAILED, "channel", 10 * figures.MINUTE)
    sent = figures.rises_by(processes, figures.SENT, "channel", 10 * figures.MINUTE)
    for channel in failed.keys() - sent.keys():
        yield Finding(
            "critical",
            f"Channel **{markdown(channel)}** accepts nothing: people are not told of alerts",
            "The log of the job that notifies says what the service answers.",
        )
    drifts = figures.rise(processes, figures.DRIFTS, DRIFT_SEEN_FOR)
    if drifts:
        yield Finding(
            "warning",
            f"What is usual has changed lately ({drifts:.0f} drifts in {duration(DRIFT_SEEN_FOR)})",
            "Software, season, a unit? Or a fault that many vehicles have.",
        )
    if figures.rise(processes, figures.FORGOTTEN, DRIFT_SEEN_FOR):
        yield Finding(
            "warning",
            "Vehicles are forgotten, since the shards know as many as they may",
            "Raise detector.vehicles or detector.shards, or look whether ids change with every trip.",
        )
    for process in processes:
        for disk, what in ((figures.HISTORY_FREE, "history"), (figures.RECOVERY_FREE, "recovery directory")):
            free = None if process.latest is None else process.latest.oldest(disk)
            if free is not None and free < LEAST_DISK:
                yield Finding(
                    "warning",
                    f"Only {free / 1e9:.1f} GB are free on the disk of the {what} of "
                    f"**{markdown(figures.name_of(process))}**",
                    "Lower history.max_mib or history.keep_days, or enlarge the disk.",
                )
