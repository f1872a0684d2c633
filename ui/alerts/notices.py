"""What the page says about alerts as a whole: that there are none, that some are missing, who may act."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

from config.settings import Settings
from ui.alerts.filters import Filters
from ui.clock_time import clock_time
from ui.formatting import markdown
from ui.live.alert_state import AlertSnapshot
from ui.live.feed import Feed
from ui.replay.feed import ReplayFeed
from ui.viewer import Viewer


def nothing(feed: Feed) -> str:
    """Markdown: that there are no alerts, or that the page cannot know."""
    if feed.connection.phase != "connected" or feed.alerts_trouble:
        return ":gray[No alerts are known here.]"
    return ":green-badge[:material/check: No alerts] :gray[Nothing is open.]"


def nothing_matches(filters: Filters, known: int) -> str:
    """Markdown: that the filters let nothing through.

    Args:
        filters: as they are.
        known: alerts that there are.
    """
    if filters == Filters():
        return f":green-badge[:material/check: Nothing is open] :gray[{known:,} have cleared.]"
    return f"**No alert matches.** :gray[There {'is' if known == 1 else 'are'} {known:,} in all.]"


def trouble(feed: Feed, settings: Settings, zone: tzinfo) -> str:
    """Markdown: why there are no alerts, or only old ones, and what to do about it; empty if all is well."""
    if feed.alerts_trouble:
        return (
            f"This page gets no alerts: {markdown(feed.alerts_trouble)}. Start a dataflow that publishes "
            f"them, and give the page's user permission to read `{settings.alerts_topic}`. The rest of the "
            "page is not affected."
        )
    connection = feed.connection
    if connection.phase in ("connected", "connecting"):
        return ""
    broker = "Kafka cluster" if settings.sink.kind == "kafka" else "MQTT broker"
    since = clock_time(datetime.fromtimestamp(connection.since, UTC), zone)
    return (
        f"The {broker} at {markdown(settings.enriched_broker)} is away: {markdown(connection.reason)}. What "
        f"is listed was so at {since}. The page keeps retrying."
    )


def missing(alerts: AlertSnapshot) -> list[str]:
    """Markdown: what the page could not keep or read."""
    parts = []
    if alerts.dropped:
        parts.append(f":orange-badge[{alerts.dropped:,} dropped: too many to keep]")
    if alerts.undecodable:
        parts.append(f":orange-badge[{alerts.undecodable:,} unreadable]")
    return parts


def cannot_act(viewer: Viewer) -> list[str]:
    """Markdown: why there are no buttons, if there are none."""
    if isinstance(viewer.feed, ReplayFeed):
        return [":gray[:material/replay: This is a replay: what happened then cannot be acted on.]"]
    if not viewer.may_act:
        return [
            ":gray[:material/visibility: You can look at alerts. To acknowledge, comment and mute, one needs "
            "the role *dispatcher*.]"
        ]
    if not viewer.name:
        return [":orange[Enter your name at the top to act on alerts: it goes with what you do.]"]
    return []
