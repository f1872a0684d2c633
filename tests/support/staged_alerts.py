"""The page *Alerts* in Streamlit's AppTest, with a feed, a publisher and a viewer that the test plays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, tzinfo
from typing import Any

from streamlit.testing.v1 import AppTest

from config.settings import Settings, load
from dataflows.events import Alert, AlertAction
from tests.support.staged_page import StagedFeed, StagedPublisher, again, shown_in
from ui.actions.action_desk import ActionDesk
from ui.alerts.page import KEY
from ui.push.sections import Sections
from ui.viewer import Role, Viewer


class Stage:
    """What a viewer of the page looks at.

    Args:
        settings: all settings.
        name: of the viewer.
        role: of the viewer.
    """

    current: Stage

    def __init__(
        self, settings: Settings | None = None, name: str = "Kim", role: Role = "dispatcher"
    ) -> None:
        self.settings = settings or load()
        self.name = name
        self.role: Role = role
        self.zone: tzinfo = UTC
        self.feed = StagedFeed(self.settings)
        self.publisher = StagedPublisher()
        self.desk = ActionDesk(self.publisher, clock=lambda: self.feed.now)

    @property
    def published(self) -> list[AlertAction]:
        """The actions that were sent."""
        return [action for _, action in self.publisher.published]

    def viewer(self) -> Viewer:
        """Who looks at the page that is being drawn."""
        sections = Sections(self.feed.versions)
        return Viewer(self.name, self.role, self.zone, self.settings, self.feed, self.desk, sections)

    def opens(self, **query: str | list[str]) -> AppTest:
        """The page, at an address with a query."""
        Stage.current = self
        page = AppTest.from_function(_script, default_timeout=60)
        for name, value in query.items():
            page.query_params[name] = value
        return again(page)


def _script() -> None:
    from tests.support.staged_alerts import Stage
    from ui.alerts.page import show_alerts

    show_alerts(Stage.current.viewer())


def selects(page: AppTest, alerts: Iterable[Alert]) -> AppTest:
    """Select alerts in the list, as clicks in the browser do."""
    page.session_state[KEY] = {"selected": [alert.alert_id for alert in alerts]}
    return again(page)


def opens_detail(page: AppTest, alert: Alert) -> AppTest:
    """Open the details of an alert, as a click in the browser does."""
    page.session_state[KEY] = {"opened": alert.alert_id}
    return again(page)


def list_data(page: AppTest) -> dict[str, Any]:
    """What the list in the browser gets."""
    return dict(shown_in(page, "fleet_alert_list"))


def filter_data(page: AppTest) -> dict[str, Any]:
    """What the bar with the filters gets."""
    return dict(shown_in(page, "fleet_alert_filters"))


def vehicles(page: AppTest) -> list[str]:
    """The vehicles of the rows, or how many there are in a group."""
    data = list_data(page)
    return [row["who"] if isinstance(row, dict) else data["alerts"]["who"][row] for row in data["rows"]]


def column(page: AppTest, name: str) -> Sequence[Any]:
    """A column of the alerts that the list gets."""
    values: Sequence[Any] = list_data(page)["alerts"][name]
    return values
