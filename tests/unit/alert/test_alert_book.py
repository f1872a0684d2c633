"""The alerts of a shard as they are published, and what people do about them."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from urllib.parse import unquote

import msgspec
import pytest

from dataflows.alert import book as module
from dataflows.alert.book import GONE, MOST_COMMENTS, AlertBook, Key, topic_key
from dataflows.alert.mutes import Mutes
from dataflows.clock import microseconds
from dataflows.events import Alert, AlertAction
from dataflows.stored_state import unpickle

KEY: Key = ("VEH-1", "limit", "coolant")
ID = "VEH-1/limit/coolant/e1"
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOW = datetime(2026, 3, 2, tzinfo=UTC)
FIELDS: dict[str, Any] = {
    "severity": "major",
    "peak": 80.0,
    "summary": "Coolant is 120 °C.",
    "signals": (),
    "events": 1,
    "onset_at": AT,
    "opened_at": AT,
    "last_at": AT,
}


def make(keep_cleared: float = 3600.0) -> AlertBook:
    return AlertBook(Mutes(), keep_cleared=keep_cleared, now=lambda: NOW)


def opened(*keys: Key) -> AlertBook:
    book = make()
    for key in keys or (KEY,):
        book.opened(key, "e1", FIELDS)
    book.take()
    return book


def taken(book: AlertBook) -> list[tuple[str, Alert | None]]:
    batch = book.take()
    if batch is None:
        return []
    decode = msgspec.json.Decoder(Alert).decode
    return [
        (key, decode(payload) if payload else None)
        for key, payload in zip(batch.keys, batch.payloads, strict=True)
    ]


def act(book: AlertBook, **fields: Any) -> bool:
    return book.act(AlertAction(**({"by": "ada"} | fields)))


def mute(**fields: Any) -> dict[str, Any]:
    return {"action": "mute", "text": "service", "until": AT + timedelta(hours=1)} | fields


def test_an_alert_is_published_with_an_id_made_of_the_event_that_opened_it() -> None:
    book = make()
    book.opened(KEY, "e1", FIELDS)
    [(topic, alert)] = taken(book)
    assert topic == "VEH-1/limit/coolant"
    assert alert is not None
    assert (alert.alert_id, alert.revision, alert.state, alert.openings) == (ID, 1, "open", 1)
    assert (alert.vehicle_id, alert.kind, alert.subject) == KEY
    assert (alert.cleared_at, alert.changed_at) == (None, NOW)
    assert book.take() is None


def test_revisions_rise_by_one_with_every_message() -> None:
    book = opened()
    book.changed(KEY, events=2)
    act(book, action="useful", alert_id=ID)
    book.changed(KEY, state="cleared", cleared_at=AT)
    assert [alert.revision for _, alert in taken(book) if alert] == [2, 3, 4]


def test_a_new_alert_in_the_same_place_has_its_own_id_and_nothing_of_the_one_before() -> None:
    book = opened()
    act(book, action="acknowledge", alert_id=ID, text="seen")
    book.changed(KEY, state="cleared", cleared_at=AT)
    book.opened(KEY, "e2", FIELDS)
    alert = book[KEY]
    assert (alert.alert_id, alert.revision, alert.acknowledged_by, alert.comments) == (
        "VEH-1/limit/coolant/e2",
        1,
        "",
        (),
    )
    assert not act(book, action="noise", alert_id=ID)
    assert act(book, action="noise", alert_id=alert.alert_id)


def test_an_alert_with_the_same_id_goes_on_with_its_revisions() -> None:
    """A reader keeps the highest."""
    book = opened()
    book.changed(KEY, state="cleared", cleared_at=AT)
    book.opened(KEY, "e1", FIELDS)
    assert book[KEY].revision == 3
    assert book[KEY].state == "open"
    assert act(book, action="noise", alert_id=ID)


def test_acknowledging_says_who_and_when() -> None:
    book = opened()
    assert act(book, action="acknowledge", alert_id=ID)
    [(_, alert)] = taken(book)
    assert alert is not None
    assert (alert.acknowledged_by, alert.acknowledged_at, alert.comments) == ("ada", NOW, ())


def test_a_text_is_a_comment_whatever_is_done_with_it() -> None:
    book = opened()
    for action in ("comment", "acknowledge", "useful", "noise"):
        act(book, action=action, alert_id=ID, text=action)
    assert [comment.text for comment in book[KEY].comments] == ["comment", "acknowledge", "useful", "noise"]
    assert {(comment.by, comment.at) for comment in book[KEY].comments} == {("ada", NOW)}


def test_only_the_last_comments_are_kept() -> None:
    book = opened()
    for number in range(MOST_COMMENTS + 5):
        act(book, action="comment", alert_id=ID, text=str(number))
    assert [comment.text for comment in book[KEY].comments] == [str(n) for n in range(5, MOST_COMMENTS + 5)]


def test_the_last_word_on_usefulness_counts() -> None:
    book = opened()
    assert book[KEY].useful is None
    act(book, action="useful", alert_id=ID)
    assert book[KEY].useful is True
    act(book, action="noise", alert_id=ID)
    assert book[KEY].useful is False


@pytest.mark.parametrize("action", ["acknowledge", "comment", "useful", "noise", "unmute"])
def test_an_unknown_alert_changes_nothing(action: str) -> None:
    book = opened()
    assert not act(book, action=action, alert_id="VEH-1/limit/coolant/e0", text="x")
    assert not act(book, **mute(alert_id="other"))
    assert book.take() is None


def test_muting_an_alert_mutes_its_vehicle_kind_and_subject_and_no_other() -> None:
    other: Key = ("VEH-1", "limit", "speed")
    book = opened(KEY, other)
    assert act(book, **mute(alert_id=ID))
    assert [topic for topic, _ in taken(book)] == [topic_key(KEY)]
    assert (book[KEY].muted_until, book[KEY].mute_reason) == (AT + timedelta(hours=1), "service")
    assert book[other].muted_until is None


def test_muting_a_vehicle_or_a_kind_mutes_what_is_open_and_what_will_be() -> None:
    keys: list[Key] = [KEY, ("VEH-1", "silent", "vehicle"), ("VEH-2", "limit", "coolant")]
    for fields, muted in [
        ({"vehicle_id": "VEH-1"}, [True, True, False]),
        ({"kind": "limit"}, [True, False, True]),
        ({"vehicle_id": "VEH-1", "kind": "limit"}, [True, False, False]),
    ]:
        book = opened(*keys)
        act(book, **mute(**fields))
        assert [book[key].muted_until is not None for key in keys] == muted
        book = make()
        act(book, **mute(**fields))
        for key in keys:
            book.opened(key, "e1", FIELDS)
        assert [book[key].muted_until is not None for key in keys] == muted


def test_unmuting_ends_a_mute() -> None:
    book = opened()
    act(book, **mute(vehicle_id="VEH-1"))
    act(book, action="unmute", vehicle_id="VEH-1")
    assert (book[KEY].muted_until, book[KEY].mute_reason) == (None, "")


def test_a_mute_is_over_at_an_event_after_its_end() -> None:
    book = opened()
    act(book, **mute(vehicle_id="VEH-1"))
    book.changed(KEY, last_at=AT + timedelta(hours=1))
    assert book[KEY].muted_until is None


def test_a_cleared_alert_is_removed_from_its_topic_after_a_while() -> None:
    book = opened(KEY, ("VEH-2", "limit", "coolant"))
    book.changed(KEY, state="cleared", cleared_at=AT)
    book.take()
    clock = microseconds(AT) + 3_600_000_000
    book.forget(clock)
    assert book.take() is None
    book.forget(clock + 1)
    batch = book.take()
    assert batch is not None
    assert (batch.keys, batch.payloads) == ([topic_key(KEY)], [GONE])
    assert KEY not in book
    assert len(book) == 1
    assert not act(book, action="noise", alert_id=ID)


def test_there_are_never_too_many_and_what_cleared_first_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ALERTS", 3)
    book = make()
    keys: list[Key] = [(f"VEH-{number}", "limit", "coolant") for number in range(4)]
    for number, key in enumerate(keys[:3]):
        book.opened(key, "e1", FIELDS | {"last_at": AT + timedelta(seconds=number)})
    book.changed(keys[2], state="cleared", cleared_at=AT + timedelta(hours=1))
    book.changed(keys[1], state="cleared", cleared_at=AT + timedelta(hours=2))
    book.take()
    book.opened(keys[3], "e1", FIELDS | {"last_at": AT + timedelta(hours=3)})
    assert [topic for topic, alert in taken(book) if alert is None] == [topic_key(keys[2])]
    assert {alert.vehicle_id for alert in book} == {"VEH-0", "VEH-1", "VEH-3"}


def age(alert: Alert) -> tuple[bool, datetime, Key]:
    key: Key = (alert.vehicle_id, alert.kind, alert.subject)
    return alert.cleared_at is None, alert.cleared_at or alert.last_at, key


@pytest.mark.parametrize("most_ages", [4, 1000])
def test_what_is_dropped_is_the_oldest_whatever_happened_to_it_meanwhile(
    most_ages: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As found by a search through all alerts; the book and one that is restored each time agree."""
    most, random = 3, Random(most_ages)
    monkeypatch.setattr(module, "MOST_ALERTS", most)
    monkeypatch.setattr(module, "MOST_AGES", most_ages)
    book, dropped = make(), 0
    for second in range(500):
        key: Key = (f"VEH-{random.randrange(8)}", "limit", "coolant")
        at = AT + timedelta(seconds=second + random.randrange(-20, 20))
        if key not in book:
            ages = [age(alert) for alert in book]
            ages.append((True, at, key))
            restored = make()
            restored.restore(book.snapshot())
            for each in (book, restored):
                each.opened(key, f"e{second}", FIELDS | {"last_at": at})
            oldest = [topic_key(min(ages)[-1])] if len(ages) > most else []
            dropped += len(oldest)
            assert [topic for topic, alert in taken(book) if alert is None] == oldest
            assert [topic for topic, alert in taken(restored) if alert is None] == oldest
        elif book[key].state == "open":
            book.changed(key, state="cleared", cleared_at=at)
        else:
            book.changed(key, state="open", cleared_at=None, last_at=at)
        book.take()
    assert dropped > 100


@pytest.mark.parametrize("vehicle", ["a/b", "+", "#", "ä ö", "a%2Fb", "\ud800", "$SYS", ""])
def test_a_topic_has_three_levels_whatever_the_vehicle_is_called(vehicle: str) -> None:
    key = topic_key((vehicle, "limit", "x/y"))
    assert key.count("/") == 2
    assert not set("+# ") & set(key)
    assert unquote(key.split("/")[0], errors="surrogatepass") == vehicle


def test_a_restored_book_goes_on_where_it_stopped() -> None:
    book = opened(KEY, ("", "silent", "fleet"))
    act(book, action="acknowledge", alert_id=ID, text="seen")
    book.changed(KEY, state="cleared", cleared_at=AT)
    pickled = pickle.dumps(book.snapshot())
    restored = make()
    restored.restore(unpickle(pickled))
    assert list(restored) == list(book)
    assert restored.take() is None
    for each in (book, restored):
        each.take()
        act(each, action="noise", alert_id=ID)
        each.forget(microseconds(AT) + 3_600_000_001)
    assert taken(restored) == taken(book)
