"""What is known of messages that the broker may deliver again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dataflows.connectors.mqtt_unacknowledged import Unacknowledged

MESSAGES = st.dictionaries(st.integers(1, 65535), st.binary(max_size=20), max_size=30)


def handed_out(messages: dict[int, bytes]) -> Unacknowledged:
    unacknowledged = Unacknowledged()
    for identifier, payload in messages.items():
        unacknowledged.add(identifier, "topic", payload)
    return unacknowledged


@given(before=MESSAGES, after=MESSAGES)
def test_the_state_holds_what_was_handed_out_before_the_snapshot_and_nothing_else(
    before: dict[int, bytes], after: dict[int, bytes]
) -> None:
    unacknowledged = handed_out(before)
    restored = Unacknowledged(unacknowledged.snapshot())
    for identifier, payload in before.items():
        assert restored.has(identifier, "topic", payload)
        assert restored.is_covered(identifier)
        assert not restored.has(identifier, "other topic", payload)
    for identifier, payload in after.items():
        if before.get(identifier) != payload:
            assert not restored.has(identifier, "topic", payload)


def test_a_snapshot_covers_what_was_handed_out_before_it() -> None:
    unacknowledged = handed_out({1: b"a"})
    assert not unacknowledged.is_covered(1)
    unacknowledged.snapshot()
    unacknowledged.add(2, "topic", b"b")
    assert unacknowledged.is_covered(1)
    assert not unacknowledged.is_covered(2)


def test_an_identifier_that_comes_with_another_message_belongs_to_that_one() -> None:
    unacknowledged = handed_out({1: b"a"})
    unacknowledged.snapshot()
    unacknowledged.add(1, "topic", b"b")
    assert not unacknowledged.has(1, "topic", b"a")
    assert unacknowledged.has(1, "topic", b"b")
    assert not unacknowledged.is_covered(1)


def test_an_acknowledged_message_is_in_one_more_snapshot_and_then_forgotten() -> None:
    unacknowledged = handed_out({1: b"a"})
    unacknowledged.snapshot()
    unacknowledged.acknowledged([1])
    assert Unacknowledged(unacknowledged.snapshot()).has(1, "topic", b"a")
    assert len(Unacknowledged(unacknowledged.snapshot())) == 0


def test_an_identifier_that_is_in_use_again_is_not_forgotten_for_its_older_message() -> None:
    unacknowledged = handed_out({1: b"a"})
    unacknowledged.snapshot()
    unacknowledged.acknowledged([1])
    unacknowledged.snapshot()
    unacknowledged.add(1, "topic", b"b")
    unacknowledged.snapshot()
    assert unacknowledged.has(1, "topic", b"b")


def test_a_message_that_had_to_be_acknowledged_twice_is_forgotten_once() -> None:
    unacknowledged = handed_out({1: b"a"})
    for _ in range(2):
        unacknowledged.snapshot()
        unacknowledged.acknowledged([1])
    assert Unacknowledged(unacknowledged.snapshot()).has(1, "topic", b"a")
    assert len(Unacknowledged(unacknowledged.snapshot())) == 0
