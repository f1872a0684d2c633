"""What leads to an alert, what does not, and what an alert says."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from config.settings import Settings
from dataflows.alert import shard_alerts
from dataflows.alert.book import GONE
from dataflows.alert.shard_alerts import ShardAlerts
from dataflows.clock import utc
from dataflows.events import Alert, AlertAction
from tests.support.alert_streams import (
    OBVIOUS,
    START,
    ObviousEvidence,
    alert_settings,
    as_scored,
    events,
    fold,
    read,
)

NAN = np.nan
BAD = 5.0 * OBVIOUS
SPEED: dict[str, dict[str, Any]] = {"speed": {"unit": "km/h"}}


@pytest.fixture(autouse=True)
def _obvious(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard_alerts, "Evidence", ObviousEvidence)


def alerts_of(signals: dict[str, dict[str, Any]], *rows: list[float], **keys: Any) -> list[Alert]:
    """Revisions that the events of one vehicle lead to, a second apart."""
    return fold(ShardAlerts(alert_settings(signals, **keys)), ["VEH-1"] * len(rows), range(len(rows)), rows)


def at(second: float) -> Any:
    return utc(START) + timedelta(seconds=second)


def test_an_anomaly_opens_an_alert_that_says_what_is_wrong() -> None:
    [alert] = alerts_of({"speed": {"unit": "km/h"}, "rpm": {}}, [0.0, 0.0], [BAD, OBVIOUS])
    assert (alert.vehicle_id, alert.kind, alert.subject) == ("VEH-1", "anomaly", "speed")
    assert alert.alert_id == "VEH-1/anomaly/speed/VEH-1@1#1"
    assert alert.severity == "major"
    assert [(signal.name, signal.actual, signal.typical) for signal in alert.signals] == [
        ("speed", BAD, 0.0),
        ("rpm", OBVIOUS, 0.0),
    ]
    assert [signal.share for signal in alert.signals] == [0.833, 0.167]
    assert (alert.opened_at, alert.onset_at, alert.last_at) == (at(1), at(1), at(1))
    assert alert.summary.startswith("Speed is too high: 500 km/h, expected 0 km/h, since 00:00:01 UTC")
    assert alert.summary.endswith("(the model is still young)")


def test_it_clears_when_the_signal_has_been_normal_for_a_while() -> None:
    revisions = alerts_of(SPEED, [BAD], *[[0.0]] * 90)
    assert [alert.state for alert in revisions] == ["open", "cleared"]
    assert revisions[1].cleared_at == at(61)
    assert revisions[1].last_at == at(0)


@pytest.mark.parametrize(("direction", "found"), [("both", [1, 1]), ("above", [1, 0]), ("below", [0, 1])])
def test_only_deviations_in_its_direction_count(direction: str, found: list[int]) -> None:
    signals = {"speed": {"direction": direction}}
    assert [len(alerts_of(signals, [value])) for value in (BAD, -BAD)] == found


def test_a_deviation_that_interests_nobody_does_not_count() -> None:
    signals = {"speed": {"least_deviation": 200.0}}
    assert [len(alerts_of(signals, [value])) for value in (199.0, -199.0, 200.0, -201.0)] == [0, 0, 1, 1]


@pytest.mark.parametrize("role", ["context", "position", "ignored"])
def test_a_signal_that_is_no_target_is_never_blamed(role: str) -> None:
    assert alerts_of({"speed": {"role": role}, "rpm": {}}, [BAD, 0.0]) == []


def test_a_context_signal_is_not_named_beside_a_target() -> None:
    [alert] = alerts_of({"speed": {}, "limit": {"role": "context"}}, [BAD, 10 * BAD])
    assert [(signal.name, signal.share) for signal in alert.signals] == [("speed", 1.0)]


def test_a_signal_counts_only_while_its_condition_holds() -> None:
    signals: dict[str, dict[str, Any]] = {"voltage": {"when": "rpm > 0"}, "rpm": {"role": "context"}}
    assert [len(alerts_of(signals, [BAD, rpm])) for rpm in (0.0, 1.0, NAN)] == [0, 1, 0]


def test_an_event_out_of_order_is_no_anomaly() -> None:
    """It is not known what came before it."""
    alerts = ShardAlerts(alert_settings(SPEED))
    assert fold(alerts, ["VEH-1"] * 2, [10, 9], [[0.0], [BAD]]) == []
    assert len(fold(alerts, ["VEH-1"], [10], [[BAD]])) == 1


def test_a_late_event_says_nothing_about_now() -> None:
    alerts = ShardAlerts(alert_settings({"speed": {"high": 200.0}}))
    batch = events(["VEH-1"] * 3, [100, 0, 101], [[0.0], [BAD], [0.0]])
    assert read(alerts.fold(as_scored(batch, late=[1]))) == []


def test_an_alert_that_another_signal_makes_worse_keeps_its_words() -> None:
    revisions = alerts_of({"speed": {}, "rpm": {}}, [OBVIOUS, 0.0], [0.0, 10 * OBVIOUS])
    assert [alert.severity for alert in revisions] == ["warning", "critical"]
    assert {(alert.subject, alert.summary, alert.signals) for alert in revisions} == {
        ("speed", revisions[0].summary, revisions[0].signals)
    }


def test_a_limit_alert_names_the_limit_also_of_signals_that_are_not_scored() -> None:
    signals = {"coolant": {"high": 110.0, "low": -40.0, "unit": "°C", "role": "ignored"}, "speed": {}}
    [alert] = alerts_of(signals, [110.0, 0.0], [121.0, 0.0])
    assert (alert.kind, alert.subject, alert.severity) == ("limit", "coolant", "major")
    assert (alert.signals[0].actual, alert.signals[0].typical) == (121.0, 110.0)
    assert alert.summary == "Coolant is 121 °C, above its limit of 110 °C, since 00:00:01 UTC"
    [alert] = alerts_of(signals, [-41.0, 0.0])
    assert alert.signals[0].typical == -40.0


def test_a_missing_signal_is_an_alert_but_not_one_that_is_derived_from_it() -> None:
    signals = {"speed": {}, "twice": {"expression": "speed * 2"}, "rpm": {}}
    rows = [[1.0, 2.0, 3.0]] * 40 + [[NAN, NAN, 3.0]] * 20
    [alert] = alerts_of(signals, *rows)
    assert (alert.kind, alert.subject, alert.severity, alert.onset_at) == (
        "missing",
        "speed",
        "minor",
        at(39),
    )


def both(begin: int, end: int, *, first: bool) -> dict[str, Any]:
    vehicles, seconds = [], []
    for second in range(begin, end):
        for vehicle in ("VEH-1", "VEH-2") if first else ("VEH-2",):
            vehicles.append(vehicle)
            seconds.append(second)
    return {"vehicles": vehicles, "seconds": seconds, "values": [[0.0]] * len(vehicles)}


def test_a_silent_vehicle_is_an_alert_until_it_is_heard() -> None:
    alerts = ShardAlerts(alert_settings(SPEED, silent_after=60.0))
    assert fold(alerts, **both(0, 10, first=True)) == []
    [alert] = fold(alerts, **both(10, 200, first=False))
    assert (alert.vehicle_id, alert.kind, alert.subject, alert.severity) == (
        "VEH-1",
        "silent",
        "vehicle",
        "major",
    )
    assert (alert.onset_at, alert.last_at) == (at(9), at(9))
    assert at(69) <= alert.opened_at <= at(77)
    assert alert.summary == "No data since 00:00:09 UTC"
    [cleared] = fold(alerts, **both(200, 210, first=True))
    assert (cleared.state, cleared.cleared_at, cleared.alert_id) == ("cleared", at(200), alert.alert_id)
    [again] = fold(alerts, **both(210, 400, first=False))
    assert (again.alert_id, again.openings, again.state) == (alert.alert_id, 2, "open")


def test_a_sleeping_vehicle_is_no_alert() -> None:
    settings = alert_settings(SPEED, silent_after=60.0, asleep="speed == 0")
    alerts = ShardAlerts(settings)
    fold(alerts, **both(0, 10, first=True))
    assert fold(alerts, **both(10, 200, first=False)) == []


def test_a_clock_that_was_ahead_and_is_set_right_does_not_stop_alerts() -> None:
    """Nor does an alert of the future stay open."""
    alerts = ShardAlerts(alert_settings({"speed": {"high": 200.0}}))
    ahead = fold(alerts, ["VEH-1"] * 40, 86_400 + np.arange(40), [[0.0]] * 39 + [[250.0]])
    assert {(alert.kind, alert.state) for alert in ahead} == {("anomaly", "open"), ("limit", "open")}
    cleared = fold(alerts, ["VEH-1"] * 40, np.arange(40), [[0.0]] * 40)
    assert {(alert.kind, alert.state) for alert in cleared} == {("anomaly", "cleared"), ("limit", "cleared")}
    found = fold(alerts, ["VEH-1"] * 2, [40, 110], [[BAD], [0.0]])
    assert [alert.opened_at for alert in found if alert.state == "open"] == [at(40), at(40)]
    assert [alert.cleared_at for alert in found if alert.state == "cleared"] == [at(110), at(110)]


def stored(alerts: ShardAlerts, settings: Settings) -> ShardAlerts:
    return ShardAlerts(settings, alerts.snapshot())


def test_an_alert_survives_a_change_of_the_catalogue() -> None:
    """It clears when its signal is normal, and goes on where it has the same name."""
    before = alert_settings({"rpm": {}, "speed": {"high": 200.0}, "fuel": {}})
    after = alert_settings({"speed": {"high": 200.0}, "load": {}, "fuel": {}})
    alerts = ShardAlerts(before)
    opened = fold(alerts, ["VEH-1"], [0], [[0.0, 250.0, 0.0]])
    ids = {alert.alert_id for alert in opened}
    alerts.act([AlertAction(action="acknowledge", by="ada", alert_id=sorted(ids)[0])])
    alerts = stored(alerts, after)
    assert {alert.alert_id for alert in alerts.book} == ids
    assert fold(alerts, ["VEH-1"], [10], [[250.0, 0.0, 0.0]]) == []
    cleared = fold(alerts, ["VEH-1"], [100], [[0.0, 0.0, 0.0]])
    assert {alert.alert_id for alert in cleared} == ids
    assert {alert.state for alert in cleared} == {"cleared"}
    assert {alert.acknowledged_by for alert in cleared} == {"ada", ""}


def test_an_alert_of_a_signal_that_is_gone_clears() -> None:
    alerts = ShardAlerts(alert_settings({"rpm": {}, "speed": {}}))
    fold(alerts, ["VEH-1"], [0], [[BAD, 0.0]])
    alerts = stored(alerts, alert_settings({"speed": {}}))
    [cleared] = fold(alerts, ["VEH-1"], [10], [[0.0]])
    assert (cleared.subject, cleared.state, cleared.cleared_at) == ("rpm", "cleared", at(0))


def test_a_silent_vehicle_is_known_after_a_change_of_the_catalogue() -> None:
    alerts = ShardAlerts(alert_settings(SPEED, silent_after=60.0))
    fold(alerts, **both(0, 10, first=True))
    fold(alerts, **both(10, 200, first=False))
    alerts = stored(alerts, alert_settings({"rpm": {}}, silent_after=60.0))
    assert [alert.state for alert in fold(alerts, **both(200, 201, first=True))] == ["cleared"]


@pytest.mark.parametrize("silent_after", [60.0, None])
def test_a_vehicle_that_is_forgotten_has_no_open_alerts(
    silent_after: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shard_alerts, "EVICT_EVERY", 8)
    alerts = ShardAlerts(alert_settings(SPEED, vehicles=2, silent_after=silent_after))
    vehicles = ["VEH-1", *["VEH-2", "VEH-3", "VEH-4"] * 3]
    revisions = fold(alerts, vehicles, range(10), [[BAD], *[[0.0]] * 9])
    assert [(alert.vehicle_id, alert.state) for alert in revisions] == [
        ("VEH-1", "open"),
        ("VEH-1", "cleared"),
    ]
    [again] = fold(alerts, ["VEH-1"], [20], [[BAD]])
    assert again.alert_id != revisions[0].alert_id


@pytest.mark.parametrize("silent_after", [60.0, None])
def test_a_cleared_alert_leaves_its_topic(silent_after: float | None) -> None:
    alerts = ShardAlerts(alert_settings(SPEED, keep_cleared=300.0, silent_after=silent_after))
    fold(alerts, ["VEH-1"] * 100, range(100), [[BAD], *[[0.0]] * 99])
    assert len(alerts.book) == 1
    messages = alerts.fold(as_scored(events(["VEH-1"] * 500, range(100, 600), [[0.0]] * 500)))
    assert messages is not None
    assert (messages.keys, messages.payloads) == (["VEH-1/anomaly/speed"], [GONE])


def test_what_people_do_is_kept_with_the_alerts() -> None:
    settings = alert_settings(SPEED)
    alerts = ShardAlerts(settings)
    [alert] = fold(alerts, ["VEH-1"], [0], [[BAD]])
    mute = AlertAction(action="mute", by="ada", vehicle_id="VEH-2", text="service", until=at(3600))
    noise = AlertAction(action="noise", by="ada", alert_id=alert.alert_id)
    [judged] = read(alerts.act([mute, noise]))
    assert (judged.useful, judged.revision) == (False, 2)
    assert alerts.act([AlertAction(action="noise", by="ada", alert_id="of another shard")]) is None
    alerts = stored(alerts, settings)
    [muted] = fold(alerts, ["VEH-2"], [1], [[BAD]])
    assert (muted.mute_reason, muted.muted_until) == ("service", at(3600))
    assert next(iter(alerts.book)).useful is False


def test_maintenance_mutes_by_the_time_of_the_event() -> None:
    settings = alert_settings(SPEED)
    window = {"vehicle": "VEH-1", "start": "2026-01-01T00:00:00Z", "end": "2026-01-01T01:00:00Z"}
    section = type(settings.alerts).model_validate(settings.alerts.model_dump() | {"maintenance": [window]})
    alerts = ShardAlerts(settings.model_copy(update={"alerts": section}))
    vehicles, seconds = ["VEH-1", "VEH-2", "VEH-1"], [0, 1, 3601]
    muted = [alert.muted_until for alert in fold(alerts, vehicles, seconds, [[BAD]] * 3)]
    assert muted[:2] == [at(3600), None]
