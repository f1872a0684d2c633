"""Messages of the alerts topic, also such as nobody should send."""

from __future__ import annotations

import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.events import Comment
from dataflows.messages import MessageBatch
from dataflows.metrics import BAD_ALERTS
from dataflows.notification.reading import LONGEST_MESSAGE, AlertReader, line
from tests.support.alerts import OPENED, batch_of, encoded, make_alert

GOOD = encoded(make_alert())


def changed(**fields: object) -> bytes:
    return json.dumps(json.loads(GOOD) | fields).encode()


def bad_alerts() -> float:
    return float(BAD_ALERTS._value.get())


def test_alerts_and_empty_messages_are_updates_of_their_topic_or_key() -> None:
    alert = make_alert(comments=(Comment(by="Ada", at=OPENED, text="seen"),))
    updates = AlertReader().read(batch_of(("alerts/a", encoded(alert)), ("alerts/b", b"")))
    assert [update.place for update in updates] == ["alerts/a", "alerts/b"]
    assert updates[0].alert == make_alert()
    assert updates[1].alert is None
    batch = MessageBatch([GOOD], ["alerts"], [0], "alerts/0", [0], ["key"], 0)
    assert [update.place for update in AlertReader().read(batch)] == ["key"]


@pytest.mark.parametrize(
    "payload",
    [
        b"{",
        b"[]",
        b"\xff\xfe",
        b"[" * 100_000,
        changed(severity="fatal"),
        changed(revision="1"),
        changed(alert_id=""),
        changed(openings=0),
        changed(alert_id="x" * 1001),
        changed(opened_at="2026-03-01T13:02:00"),
        changed(muted_until="2026-03-01T13:02:00"),
        changed(muted_until="soon"),
        changed(summary="x" * LONGEST_MESSAGE),
        GOOD[:-1],
    ],
)
def test_what_is_no_alert_is_counted_and_the_rest_is_read(payload: bytes) -> None:
    before = bad_alerts()
    updates = AlertReader().read(batch_of(("a", GOOD), ("b", payload), ("c", GOOD)))
    assert [update.place for update in updates] == ["a", "c"]
    assert bad_alerts() == before + 1


def test_only_the_first_one_is_logged_on_one_line(caplog: pytest.LogCaptureFixture) -> None:
    reader = AlertReader()
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            reader.read(batch_of(("alerts/\n\x1b[2J", b"no JSON"), ("b", changed(kind="\n"))))
    (record,) = caplog.records
    assert "\n" not in record.message
    assert "\x1b" not in record.message
    assert record.message.startswith(
        "ignoring a message on 'alerts/ [2J' that is not an alert: JSON is malformed"
    )


@given(st.text(), st.integers(2, 50))
def test_a_line_is_one_line_of_printable_characters_and_not_too_long(text: str, length: int) -> None:
    shown = line(text, length)
    assert len(shown) <= length
    assert shown.isprintable()
    assert shown == shown.strip()


@given(st.binary())
def test_no_bytes_stop_the_reader(payload: bytes) -> None:
    AlertReader().read(batch_of(("a", payload)))
