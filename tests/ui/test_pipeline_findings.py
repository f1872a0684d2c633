"""What is over a limit is said in words, with what to do, the worst first."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from config.settings import load
from tests.support.staged_metrics import NOW, process, values, well
from ui.pipeline.findings import Finding, findings
from ui.pipeline.metrics_scraper import ProcessMetrics


def found(*processes: ProcessMetrics) -> list[Finding]:
    return findings(load(), processes)


def test_where_all_is_well_there_is_nothing_to_say() -> None:
    assert found(well()) == []


@pytest.mark.parametrize(
    ("changes", "level", "said"),
    [
        ({"fleet_snapshot_timestamp_seconds": NOW - 61}, "critical", "has completed no epoch for 61 s"),
        (
            {
                "fleet_last_message_timestamp_seconds": {
                    "step=telemetry": NOW - 121,
                    "step=alert-actions": NOW,
                }
            },
            "critical",
            "No telemetry for 2 min",
        ),
        ({"fleet_mqtt_queued_messages": {"session=source": 1500}}, "warning", "is 1,500 messages behind"),
        (
            {"fleet_latency_seconds_bucket": {"le=1.0": 900, "le=30.0": 1000, "le=+Inf": 1000}},
            "warning",
            "One event in twenty takes longer than 16 s",
        ),
        (
            {"fleet_dead_letters_total": {"reason=not_json": 3, "reason=time": 20}},
            "warning",
            "2.0% of what comes cannot be decoded: time",
        ),
        (
            {"fleet_events_total": {"status=ok": 900, "status=late": 100}},
            "warning",
            "10.0% of the events are older",
        ),
        ({"fleet_duplicates_total": 100}, "warning", "9.1% of what comes had come before"),
        (
            {"fleet_event_time_timestamp_seconds": {"shard=0": NOW - 3600, "shard=1": NOW - 1800}},
            "warning",
            "What comes in is 30 min old",
        ),
        ({"fleet_drifts_total": {"shard=0": 2}}, "warning", "What is usual has changed lately (2 drifts"),
        ({"fleet_vehicles_forgotten_total": 1}, "warning", "Vehicles are forgotten"),
        (
            {"fleet_recovery_free_bytes": 1e9},
            "warning",
            "Only 1.0 GB are free on the disk of the recovery directory",
        ),
    ],
)
def test_what_is_over_its_limit_is_said(
    changes: Mapping[str, float | Mapping[str, float]], level: str, said: str
) -> None:
    (message,) = found(well(**changes))
    assert message.level == level
    assert said in message.text
    assert message.action.endswith((".", "?"))


def test_a_process_that_does_not_answer_comes_first_with_its_job_and_the_reason() -> None:
    gone = process(
        values(fleet_history_bytes=1.0), trouble="Connection refused", address="http://b:9465/metrics"
    )
    late = well(fleet_drifts_total={"shard=0": 1})
    first, second = found(late, gone)
    assert first.level == "critical"
    assert "record at b:9465** does not answer: Connection refused" in first.text.replace("\\", "").replace(
        "\N{WORD JOINER}", ""
    )
    assert second.level == "warning"


def test_a_process_that_is_not_ready_says_why_and_nothing_twice() -> None:
    reasons = ("fleet-source: not connected: refused", "the last completed epoch ended 99 s ago")
    old = values(fleet_snapshot_timestamp_seconds=NOW - 99, fleet_ready=0)
    (message,) = found(process(old, old, not_ready=reasons))
    assert "not connected" in message.text
    assert "99 s ago" in message.text


def test_what_a_process_says_cannot_add_markup() -> None:
    (message,) = found(process(values(fleet_ready=0), not_ready=("**x** [y](http://z)",)))
    assert "[y](http" not in message.text


@pytest.mark.parametrize(("before", "after", "is_said"), [(20_000, 30_000, True), (40_000, 30_000, False)])
def test_a_lag_is_said_while_it_grows(before: float, after: float, *, is_said: bool) -> None:
    def lag(messages: float) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
        unknown = float("nan")
        return values(
            fleet_kafka_consumer_lag_messages={
                "topic=t,partition=0": messages,
                "topic=t,partition=1": unknown if messages == before else 0.0,
            }
        )

    messages = found(process(lag(before), lag(after)))
    assert bool(messages) == is_said


def test_few_events_are_no_share() -> None:
    few = {"status=ok": 50.0, "status=late": 0.0}
    assert (
        found(well(fleet_events_total=few, fleet_dead_letters_total={"reason=not_json": 9, "reason=time": 0}))
        == []
    )


@pytest.mark.parametrize(("sent", "is_said"), [(9, True), (10, False)])
def test_a_channel_that_only_fails_is_critical(sent: float, *, is_said: bool) -> None:
    def notified(failed: float, accepted: float) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
        return values(
            fleet_notifications_failed_total={"channel=mail": failed},
            fleet_notifications_sent_total={"channel=mail": accepted},
        )

    messages = found(process(notified(3, 9), notified(4, sent)))
    assert [message.level for message in messages] == ["critical"] * is_said
