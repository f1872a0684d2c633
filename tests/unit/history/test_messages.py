"""Messages become rows; what is none is kept as it is; raw messages are told apart."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.history_settings import Place
from dataflows.history.kinds import KINDS
from dataflows.history.reader import History
from dataflows.history.signal_columns import stem
from dataflows.history.store import open_store
from dataflows.history.writer import KindWriter
from dataflows.metrics import HISTORY_UNREADABLE
from tests.support.enriched_events import START, enriched, payload
from tests.support.history_job import audit_entry, rollup
from tests.support.stored_history import ARRIVED, batch, store

encode = msgspec.json.encode
DAY = 24 * 3600 * 1_000_000


def test_an_event_has_columns_for_each_of_its_signals(place: Place) -> None:
    store(place, "events", [payload("V1", 1, measured={"speed": 90.0, "fuel": None})])
    [row] = History(place).rows("events").to_pylist()
    assert (row["speed"], row["speed_expected"], row["speed_band"], row["speed_share"]) == (
        90,
        60,
        15,
        0.5 * 2,
    )
    assert row["fuel"] is None
    assert row["event_id"] == "V1/1"
    assert msgspec.json.decode(row["telemetry"])["vehicle_id"] == "V1"


def test_a_rollup_has_columns_for_its_signals_and_only_used_levels_have_more(place: Place) -> None:
    store(place, "rollups", [encode(rollup("V1", 2))], topic="fleet/rollups/V1")
    [row] = History(place).rows("rollups").to_pylist()
    names = ("speed_mean", "speed_min", "speed_max", "speed_last", "speed_count", "used_fuel")
    assert [row[name] for name in names] == [52.0, 40.0, 60.0, 55.0, 60.0, 0.1]
    assert "used_speed" not in row
    assert "filled_fuel" not in row


def test_signals_may_change_from_day_to_day_and_from_file_to_file(place: Place) -> None:
    other = enriched("V1", 2, values={"pressure": 2.5}, expected={}, band={}, contributions={})
    store(place, "events", [payload("V1", 1)], [encode(other)])
    rows = History(place).rows("events").to_pylist()
    assert [(row["speed"], row["pressure"]) for row in rows] == [(60.0, None), (None, 2.5)]


NAMES = st.sampled_from(
    ["status", "speed", "expected", "_", "", "error", "events", "day", "mean", "telemetry", "share", "used_x"]
)
SIGNALS = st.builds(
    "{}{}{}".format,
    NAMES,
    st.sampled_from(["", "_"]),
    st.sampled_from(["", "_expected", "_mean", "_share", "_"]),
)


@given(st.sets(SIGNALS, min_size=1, max_size=40), st.sampled_from(["events", "rollups"]))
def test_no_two_signals_share_a_column_and_none_has_that_of_something_else(
    signals: set[str], kind_name: str
) -> None:
    kind = KINDS[kind_name]
    around = [("", suffix) for suffix in kind.suffixes] + [(prefix, "") for prefix in kind.prefixes]
    columns = [
        f"{prefix}{stem(kind, signal)}{suffix}".lower() for signal in signals for prefix, suffix in around
    ]
    assert len(set(columns)) == len(columns)
    assert not set(columns) & {*kind.columns, "day", ""}


def test_a_signal_called_like_a_column_gets_an_underscore(place: Place) -> None:
    values = {"status": 1.0, "speed": 2.0, "speed_expected": 3.0, "Speed": 4.0}
    event = enriched("V1", values=values, expected={"status": 5.0}, band={}, contributions={})
    store(place, "events", [encode(event)])
    [row] = History(place).rows("events").to_pylist()
    assert row["status"] == "ok"
    found = [row[name] for name in ("status_", "status__expected", "speed_expected_", "Speed")]
    assert found == [1.0, 5.0, 3.0, 4.0]
    assert [value for name, value in row.items() if name.startswith("speed_") and value == 2.0] == [2.0]


BAD = {
    "not JSON": b"\xff\x00",
    "another object": b'{"event_id": "e"}',
    "a time without a zone": payload("V1").replace(
        b'"ts":"2026-01-01T12:00:00Z"', b'"ts":"2026-01-01T12:00:00"'
    ),
    "a number that no column holds": payload("V1").replace(
        b'"model_version":3', b'"model_version":1' + b"0" * 30
    ),
    "too many signals": encode(enriched("V1", values={f"s{number}": 1.0 for number in range(1001)})),
    "deep": b"[" * 100_000,
}


@pytest.mark.parametrize("content", BAD.values(), ids=BAD)
def test_a_message_that_is_none_is_kept_as_unreadable_and_the_others_are_rows(
    content: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    counter = HISTORY_UNREADABLE.labels("events")
    before = counter._value.get()
    store(tmp_path, "events", [payload("V1"), content, content + b" ", payload("V2"), b""])
    history = History(tmp_path)
    assert len(history.rows("events")) == 2
    kept = history.rows("unreadable").to_pylist()
    assert {row["payload"] for row in kept} == {content, content + b" "}
    assert {row["expected"] for row in kept} == {"events"}
    assert all(row["reason"] for row in kept)
    assert counter._value.get() - before == 2
    assert len(caplog.records) == 1


def test_a_raw_message_that_is_delivered_again_after_a_crash_is_one_also_over_midnight(
    place: Place,
) -> None:
    contents = [b'{"speed": %d}' % number for number in range(5)]
    for arrived in (ARRIVED, ARRIVED + 5, ARRIVED + DAY, ARRIVED + 3 * DAY):
        writer = KindWriter(place, KINDS["telemetry"])  # as after a restart
        writer.write(batch(contents, "fleet/telemetry/V1", arrived))
        writer.flush()
    assert sorted(History(place).rows("telemetry")["payload"].to_pylist()) == contents


def test_equal_messages_are_one_only_where_messages_have_a_time(tmp_path: Path) -> None:
    for distinct, count in ((True, 1), (False, 2)):
        directory = tmp_path / str(distinct)
        writer = KindWriter(directory, KINDS["telemetry"], distinct=distinct)
        for arrived in (ARRIVED, ARRIVED + 1):
            writer.write(batch([b'{"speed": 0}'], "fleet/telemetry/V1", arrived))
        writer.flush()
        assert len(History(directory).rows("telemetry")) == count


def test_over_kafka_a_message_is_what_has_an_offset_of_its_own(place: Place) -> None:
    writer = KindWriter(place, KINDS["telemetry"])
    messages = replace(
        batch([b"x", b"x"], "telemetry"), offsets=[1, 2], keys=["V1", "V1"], origin="telemetry/0"
    )
    for one in (messages, messages):
        writer.write(one)
        writer.flush()
    assert History(place).rows("telemetry")["key"].to_pylist() == ["V1", "V1"]


def test_commands_are_told_apart_by_id_and_vehicle_and_bare_words_by_arrival(place: Place) -> None:
    writer = KindWriter(place, KINDS["commands"], "fleet/command")
    sent = encode({"id": "c1", "name": "stop"})
    for topic, content, arrived in (
        ("fleet/command", sent, 0),
        ("fleet/command", sent, 1),
        ("fleet/command/V%2F1", sent, 0),
        ("fleet/command/V2", b"restart", 0),
        ("fleet/command/V2", b" restart\n", 1),
    ):
        writer.write(batch([content], topic, ARRIVED + arrived))
    writer.flush()
    rows = History(place).rows("commands").to_pylist()
    told = sorted((row["vehicle_id"], row["command_id"], row["name"]) for row in rows)
    assert told == [("", "c1", "stop"), ("V/1", "c1", "stop"), ("V2", "", "restart"), ("V2", "", "restart")]


def test_who_logged_in_is_kept_once_with_all_that_was_said_of_it(place: Place) -> None:
    failed = audit_entry(2, event="failed_login", role="", reason="wrong password")
    logout = audit_entry(3, event="logout", happened_at=START + timedelta(hours=1))
    entries = [encode(entry) for entry in (audit_entry(1), failed, logout)]
    store(place, "audit", entries, topic="fleet/audit")
    store(place, "audit", entries[:1], topic="fleet/audit")
    assert History(place).rows(
        "audit", columns=("audit_id", "event", "by", "role", "reason")
    ).to_pylist() == [
        {"audit_id": "a1", "event": "login", "by": "Kim", "role": "viewer", "reason": ""},
        {"audit_id": "a2", "event": "failed_login", "by": "Kim", "role": "", "reason": "wrong password"},
        {"audit_id": "a3", "event": "logout", "by": "Kim", "role": "viewer", "reason": ""},
    ]
    assert set(History(place).rows("audit")["address"].to_pylist()) == {"192.0.2.7"}


@pytest.mark.parametrize(
    "changes",
    [{"event": "burglary"}, {"by": "x" * 101}, {"happened_at": START.replace(tzinfo=None)}, {"id": ""}],
)
def test_what_is_no_audit_entry_is_unreadable(changes: dict[str, object], tmp_path: Path) -> None:
    store(tmp_path, "audit", [encode(audit_entry(1, **changes))], topic="fleet/audit")
    assert History(tmp_path).rows("audit").num_rows == 0
    assert History(tmp_path).rows("unreadable")["expected"].to_pylist() == ["audit"]


def test_a_vehicle_is_deleted_and_who_logged_in_stays(place: Place) -> None:
    store(place, "events", [payload("Kim", 1)])
    store(place, "audit", [encode(audit_entry(1))], topic="fleet/audit")
    assert open_store(place).delete_vehicle("Kim").rows == {"events": 1}
    assert History(place).rows("audit").num_rows == 1
