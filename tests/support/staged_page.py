"""The page in Streamlit's AppTest, with a feed and a publisher that the test plays."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import pandas as pd
from streamlit.testing.v1 import AppTest

from config.settings import Settings
from dataflows.events import Alert, AlertAction
from tests.support.enriched_events import START
from tests.support.paths import REPOSITORY
from tests.support.shown_alerts import message, place
from ui.actions.action_desk import ActionPublisher
from ui.live.alert_state import AlertState
from ui.live.feed import Connection
from ui.live.fleet_state import FleetState
from ui.live.mqtt_feed import MqttFeed

APP = REPOSITORY / "ui" / "script.py"
NOW = START.timestamp()


class StagedFeed(MqttFeed):
    """A feed without a broker, with a connection and a clock that the test sets."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.now = NOW
        self.stage = Connection("connected", "", NOW - 60.0)
        self.trouble = ""
        self.state = FleetState(settings.page, clock=lambda: self.now)
        self.alerts = AlertState(clock=lambda: self.now)

    @property
    def connection(self) -> Connection:
        return self.stage

    @property
    def alerts_trouble(self) -> str:
        return self.trouble

    def show(self, *alerts: Alert) -> None:
        """Receive alerts; a second passes, so that viewers do not get the snapshot that they have."""
        for alert in alerts:
            self.alerts.record(place(alert), message(alert))
        self.now += 1.0


class StagedPublisher(ActionPublisher):
    """Keeps what is published, and answers with `reason`."""

    def __init__(self) -> None:
        self.published: list[tuple[str, AlertAction]] = []
        self.reason = ""

    def publish(self, actions: Sequence[tuple[str, AlertAction]]) -> list[str]:
        self.published += actions
        return [self.reason] * len(actions)


def again(page: AppTest) -> AppTest:
    """Run the page, which must not show an exception."""
    page.run()
    assert not page.exception
    return page


def opened() -> AppTest:
    """The page, as a viewer opens it."""
    return again(AppTest.from_file(str(APP), default_timeout=60))


def fleet_table(page: AppTest) -> pd.DataFrame:
    """The list of vehicles, a row each."""
    rows = shown_in(page, "fleet_vehicle_list")["rows"]
    names = {"name": "Vehicle", "alert": "Alert", "state": "State", "note": "What stands out"}
    return pd.DataFrame(rows, columns=list(names)).rename(columns=names)


def shown_in(page: AppTest, component: str) -> Any:
    """What a component of the page shows, as JSON; ``None`` if it is not on the page."""
    for element in page.get("bidi_component"):
        if element.proto.component_name.endswith(component):
            return json.loads(element.proto.json)
    return None


def text(page: AppTest) -> str:
    """All Markdown of the page without the escapes."""
    return without_escapes("\n".join(element.value for element in page.markdown))


def without_escapes(markdown: str) -> str:
    """Markdown as it reads."""
    return re.sub(r"\\([!-/:-@\[-`{-~])|\u2060", r"\1", markdown)
