"""What the redelivery filter knows of emitted messages."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dataflows.connectors.mqtt.redelivery import RedeliveryFilter

MESSAGES = st.dictionaries(st.integers(1, 65535), st.binary(max_size=20), max_size=30)


def having(messages: dict[int, bytes]) -> RedeliveryFilter:
    known = RedeliveryFilter()
    for identifier, payload in messages.items():
        known.add(identifier, "topic", payload)
    return known


@given(before=MESSAGES, after=MESSAGES)
def test_the_state_holds_what_was_emitted_before_the_snapshot_and_nothing_else(
    before: dict[int, bytes], after: dict[int, bytes]
) -> None:
    known = having(before)
    restored = RedeliveryFilter(known.snapshot())
    for identifier, payload in before.items():
        assert restored.has(identifier, "topic", payload)
        assert restored.is_covered(identifier)
        assert not restored.has(identifier, "other topic", payload)
    for identifier, payload in after.items():
        if before.get(identifier) != payload:
            assert not restored.has(identifier, "topic", payload)


def test_a_snapshot_covers_what_was_emitted_before_it() -> None:
    known = having({1: b"a"})
    assert not known.is_covered(1)
    known.snapshot()
    known.add(2, "topic", b"b")
    assert known.is_covered(1)
    assert not known.is_covered(2)


def test_an_identifier_that_comes_with_another_message_belongs_to_that_one() -> None:
    known = having({1: b"a"})
    known.snapshot()
    known.add(1, "topic", b"b")
    assert not known.has(1, "topic", b"a")
    assert known.has(1, "topic", b"b")
    assert not known.is_covered(1)
