"""What all viewers share: the settings, the subscriber, the publisher, the reader of metrics."""

from __future__ import annotations

import streamlit as st

import config.settings
from config.settings import Settings
from ui.actions.action_desk import ActionDesk
from ui.actions.kafka_actions import KafkaActions
from ui.actions.mqtt_actions import MqttActions
from ui.commands.command_desk import CommandDesk
from ui.commands.publishers import publisher_of
from ui.live.feed import Feed
from ui.live.kafka_feed import KafkaFeed
from ui.live.mqtt_feed import MqttFeed
from ui.live.past_filler import PastFiller
from ui.pipeline.metrics_scraper import MetricsScraper


@st.cache_resource(show_spinner=False)
def shared_feed() -> tuple[Settings, Feed]:
    """The settings and the only subscriber of this process.

    Raises:
        SettingsError: a setting is invalid; nothing is cached, so the next viewer tries again.
    """
    settings = config.settings.load()
    feed: Feed = KafkaFeed(settings) if settings.sink.kind == "kafka" else MqttFeed(settings)
    feed.start()
    if settings.history.directory is not None:
        PastFiller(feed, settings.history.directory).start()
    return settings, feed


@st.cache_resource(show_spinner=False)
def shared_desk() -> ActionDesk:
    """What this process knows of actions, and the only publisher of them.

    Raises:
        SettingsError: a setting is invalid; nothing is cached, so the next viewer tries again.
    """
    settings = config.settings.load()
    return ActionDesk(KafkaActions(settings) if settings.sink.kind == "kafka" else MqttActions(settings))


@st.cache_resource(show_spinner=False)
def shared_commands() -> CommandDesk:
    """What this process knows of commands, and the only publisher of them.

    Raises:
        SettingsError: a setting is invalid; nothing is cached, so the next viewer tries again.
    """
    return CommandDesk(publisher_of(config.settings.load()))


@st.cache_resource(show_spinner=False)
def shared_metrics() -> MetricsScraper:
    """The only reader of metrics in this process; started when it is first looked at.

    Raises:
        SettingsError: a setting is invalid; nothing is cached, so the next viewer tries again.
    """
    scraper = MetricsScraper(config.settings.load().page.metrics)
    scraper.start()
    return scraper
