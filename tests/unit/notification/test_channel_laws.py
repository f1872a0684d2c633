"""Whatever happens: a channel is told of each change that it wants, and of none twice without a reason."""

from __future__ import annotations

from typing import Literal, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from dataflows.clock import SECOND
from dataflows.events import SEVERITIES, Alert, Severity
from tests.support.alerts import later, make_alert
from tests.support.told_channel import DAY, START, WINDOW, ToldChannel

What = Literal["open", "rise", "clear", "touch", "again", "wait", "refuse", "snapshot", "kill"]


class Step(NamedTuple):
    """Something that happens to the alert with this number, or to the channel."""

    what: What
    number: int
    amount: int


class Expected(NamedTuple):
    """A change that has to be told: by this revision of the alert, or by a later one."""

    alert_id: str
    revision: int


ALERTS = 4
QUIET = {"quiet": "14:00-16:00", "time_zone": "Europe/Berlin"}

happenings = st.sampled_from(["open", "open", "rise", "clear", "touch", "again", "wait"])
disturbances = st.sampled_from(["open", "rise", "clear", "wait", "refuse", "snapshot", "kill"])


def steps(whats: st.SearchStrategy[str]) -> st.SearchStrategy[list[Step]]:
    return st.lists(st.builds(Step, whats, st.integers(0, ALERTS - 1), st.integers(0, 200)), max_size=40)


class World:
    """Alerts that open, rise and clear, and a channel that is told of them.

    Attributes:
        expected: what the channel has to be told, by a model of its own.
    """

    def __init__(self, severity: Severity, settings: dict[str, str]) -> None:
        self.desk = ToldChannel({**settings, "severity": severity})
        self.expected: list[Expected] = []
        self._least = SEVERITIES.index(severity)
        self._alerts: dict[int, Alert] = {}
        self._told_or_to_be: set[str] = set()
        self._history: list[Alert] = []
        self._batch: list[Alert] = []
        self._snapshot = (self.desk.snapshot(), 0)

    def take(self, step: Step) -> None:
        if step.what in ("again", "wait", "refuse", "snapshot", "kill") or step.amount % 2:
            self.flush()
        alert = self._alerts.get(step.number)
        is_open = alert is not None and alert.state == "open"
        match step.what:
            case "open" if not is_open:
                severity = SEVERITIES[step.amount % len(SEVERITIES)]
                if alert is None:
                    subject = "coolant" if step.number % 2 else "oil"
                    self._revise(
                        step.number, make_alert(f"v{step.number}", subject=subject, severity=severity)
                    )
                else:
                    again = {"openings": alert.openings + 1, "cleared_at": None, "severity": severity}
                    self._revise(step.number, later(alert, state="open", **again))
                self._expect(step.number, rose=True)
            case "rise" if is_open and alert is not None and alert.severity != "critical":
                self._revise(
                    step.number,
                    later(alert, severity=SEVERITIES[SEVERITIES.index(alert.severity) + 1]),
                )
                self._expect(step.number, rose=True)
            case "clear" if is_open and alert is not None:
                self._revise(step.number, later(alert, state="cleared"))
                self._expect(step.number, rose=False)
            case "touch" if is_open and alert is not None:
                self._revise(step.number, later(alert, events=alert.events + 1))
            case "again" if self._history:
                self.desk.take(self._history[step.amount % len(self._history)])
            case "wait":
                self.desk.advance(step.amount)
            case "refuse":
                self.desk.now += step.amount
                self.desk.tell(iter([False]))
            case "snapshot":
                self._snapshot = self.desk.snapshot(), len(self._history)
            case "kill":
                stored, position = self._snapshot
                self.desk.restart(stored)
                # The broker delivers again what no snapshot covers.
                for delivered in self._history[position:]:
                    self.desk.take(delivered)

    def _revise(self, number: int, alert: Alert) -> None:
        self._alerts[number] = alert
        self._batch.append(alert)

    def flush(self) -> None:
        """The revisions since the last time come in one batch."""
        batch, self._batch = self._batch, []
        self._history += batch
        self.desk.take(*batch)

    def _expect(self, number: int, *, rose: bool) -> None:
        alert = self._alerts[number]
        wanted = SEVERITIES.index(alert.severity) >= self._least
        if rose and wanted:
            self._told_or_to_be.add(f"{alert.alert_id} {alert.openings}")
        is_told = f"{alert.alert_id} {alert.openings}" in self._told_or_to_be
        if (rose and wanted) or (not rose and is_told):
            self.expected.append(Expected(alert.alert_id, alert.revision))


def told_by(desk: ToldChannel) -> list[Expected]:
    return [
        Expected(change.alert.alert_id, change.alert.revision)
        for told in desk.told
        for change in told.group.changes
    ]


@given(
    steps(st.one_of(happenings, disturbances)),
    st.sampled_from(SEVERITIES),
    st.sampled_from([{}, QUIET]),
)
def test_each_change_is_told_whatever_the_batches_refusals_and_restarts_between(
    whole: list[Step], severity: Severity, settings: dict[str, str]
) -> None:
    world = World(severity, settings)
    for step in whole:
        world.take(step)
    world.flush()
    world.desk.advance(2 * DAY)
    assert world.desk.channel.waiting == 0
    told = told_by(world.desk)
    for alert_id, revision in world.expected:
        assert any(other == alert_id and later >= revision for other, later in told), (alert_id, revision)


@given(steps(happenings), st.sampled_from(SEVERITIES), st.sampled_from([{}, QUIET]))
def test_without_disturbances_no_change_is_told_twice(
    whole: list[Step], severity: Severity, settings: dict[str, str]
) -> None:
    world = World(severity, settings)
    for step in whole:
        world.take(step)
    world.flush()
    world.desk.advance(2 * DAY)
    assert len(told_by(world.desk)) <= len(world.expected)
    for told in world.desk.told:
        assert len({change.alert.alert_id for change in told.group.changes}) == len(told.group.changes)


@given(steps(happenings))
def test_no_opening_waits_longer_than_the_window(whole: list[Step]) -> None:
    world = World("warning", {})
    for step in whole:
        world.take(step)
    world.flush()
    world.desk.advance(DAY)
    for told in world.desk.told:
        for change in told.group.changes:
            if change.is_open:
                assert told.at - (change.at - START) / SECOND <= WINDOW
