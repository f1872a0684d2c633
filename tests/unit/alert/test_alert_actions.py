"""What people do about alerts, as messages."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from dataflows.alert.actions import LONGEST, read_actions
from dataflows.events import ActionName, AlertAction
from dataflows.messages import MessageBatch

GOOD: list[dict[str, Any]] = [
    {"action": "acknowledge", "by": "ada", "alert_id": "a"},
    {"action": "acknowledge", "by": "ada", "alert_id": "a", "text": "on my way"},
    {"action": "comment", "by": "ada", "alert_id": "a", "text": "seen"},
    {"action": "useful", "by": "ada", "alert_id": "a"},
    {"action": "noise", "by": "ada", "alert_id": "a"},
    {"action": "mute", "by": "ada", "alert_id": "a", "text": "why", "until": "2026-03-01T12:00:00Z"},
    {"action": "mute", "by": "ada", "vehicle_id": "V", "text": "why", "until": "2026-03-01T12:00:00+02:00"},
    {"action": "mute", "by": "ada", "kind": "silent", "text": "why", "until": "9999-12-30T00:00:00Z"},
    {"action": "unmute", "by": "ada", "vehicle_id": "V", "kind": "limit"},
    {"action": "unmute", "by": "ada", "alert_id": "a", "from_a_newer_page": 1},
]

MUTE = {"action": "mute", "by": "ada", "vehicle_id": "V", "text": "why", "until": "2026-03-01T12:00:00Z"}
BAD: list[tuple[bytes, str]] = [
    (b"", "truncated"),
    (b"no json", "malformed"),
    (b"\xff\xfe", ""),
    (b"[" * 5000, ""),
    (b"[]", "object"),
    (b"{}", "missing required field"),
    *[
        (msgspec.json.encode(fields), reason)
        for fields, reason in [
            ({"action": "delete", "by": "ada", "alert_id": "a"}, "delete"),
            ({"action": "acknowledge", "alert_id": "a"}, "`by`"),
            ({"action": "acknowledge", "by": "", "alert_id": "a"}, "length"),
            ({"action": "acknowledge", "by": "a" * 101, "alert_id": "a"}, "length"),
            ({"action": "acknowledge", "by": "ada"}, "expected alert_id for 'acknowledge', got none"),
            ({"action": "comment", "by": "ada", "text": "seen"}, "expected alert_id for 'comment'"),
            ({"action": "useful", "by": "ada", "vehicle_id": "V"}, "expected alert_id for 'useful'"),
            ({"action": "noise", "by": "ada", "kind": "limit"}, "expected alert_id for 'noise'"),
            ({"action": "comment", "by": "ada", "alert_id": "a"}, "expected text for 'comment'"),
            ({"action": "comment", "by": "ada", "alert_id": "a", "text": "x" * 501}, "length"),
            ({"action": "unmute", "by": "ada"}, "expected alert_id, vehicle_id or kind for 'unmute'"),
            (MUTE | {"vehicle_id": ""}, "expected alert_id, vehicle_id or kind for 'mute'"),
            (MUTE | {"until": None}, "expected until for 'mute'"),
            (MUTE | {"until": "2026-03-01T12:00:00"}, "$.until"),
            (MUTE | {"until": "9999-12-31T23:59:59-10:00"}, "expected until within the years"),
            (MUTE | {"until": "0001-01-01T00:00:00+10:00"}, "expected until within the years"),
            (MUTE | {"text": ""}, "expected a reason in text for 'mute'"),
            (MUTE | {"kind": "alarm"}, "$.kind"),
        ]
    ],
]


def batch(*payloads: bytes) -> MessageBatch:
    return MessageBatch(
        list(payloads),
        ["fleet/alert-actions"] * len(payloads),
        [1_000_000 * n for n in range(len(payloads))],
        "mqtt",
    )


@pytest.mark.parametrize("fields", GOOD, ids=lambda fields: "-".join(fields))
def test_a_good_action_is_read(fields: dict[str, Any]) -> None:
    read = read_actions(batch(msgspec.json.encode(fields)))
    assert read.dead_letters == []
    assert read.actions == [msgspec.convert(fields, AlertAction)]


@pytest.mark.parametrize(("payload", "reason"), BAD, ids=range(len(BAD)))
def test_a_malformed_action_is_a_dead_letter_with_one_line(payload: bytes, reason: str) -> None:
    read = read_actions(batch(b'{"action":"noise","by":"a","alert_id":"a"}', payload))
    assert len(read.actions) == 1
    [letter] = read.dead_letters
    assert letter.reason.startswith("expected an alert action: ")
    assert reason in letter.reason
    assert "\n" not in letter.reason
    assert letter.payload == payload
    assert letter.topic == "fleet/alert-actions"
    assert letter.partition == "mqtt"
    assert letter.offset is None
    assert letter.arrived_at.timestamp() == 1.0


def test_good_actions_keep_their_order_and_dead_letters_their_offsets() -> None:
    names: list[ActionName] = ["useful", "noise", "acknowledge"]
    payloads = [msgspec.json.encode({"action": name, "by": "a", "alert_id": "a"}) for name in names]
    messages = MessageBatch(
        [payloads[0], b"?", *payloads[1:]], ["t"] * 4, [0] * 4, "actions/0", [7, 8, 9, 10]
    )
    read = read_actions(messages)
    assert [action.action for action in read.actions] == names
    assert [letter.offset for letter in read.dead_letters] == [8]


def test_a_long_payload_is_cut() -> None:
    [letter] = read_actions(batch(b"x" * (LONGEST + 1))).dead_letters
    assert len(letter.payload) == LONGEST
    assert letter.length == LONGEST + 1
