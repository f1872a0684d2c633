"""Keys come from payloads: whatever they hold, they must stay one level of one topic."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.connectors.mqtt.sink import LONGEST_LEVEL, keyed_topic

ANY_KEY = st.text(st.characters(exclude_categories=()), min_size=1)
"""All of Unicode, lone surrogates and control characters included."""


@given(key=ANY_KEY)
def test_a_key_is_one_level_without_wildcards_and_of_bounded_length(key: str) -> None:
    base, level = keyed_topic("fleet/enriched", key).rsplit("/", 1)
    assert base == "fleet/enriched"
    assert level
    assert not set(level) & set("+#/\0$")
    assert level.isascii()
    assert len(level) <= LONGEST_LEVEL


@given(key=st.text(min_size=1, max_size=LONGEST_LEVEL // 12))
def test_a_key_can_be_read_back_from_its_topic(key: str) -> None:
    assert unquote(keyed_topic("base", key).removeprefix("base/")) == key


@given(one=ANY_KEY, other=ANY_KEY)
def test_two_keys_never_share_a_topic(one: str, other: str) -> None:
    assert (keyed_topic("base", one) == keyed_topic("base", other)) == (one == other)


@given(start=st.text(min_size=LONGEST_LEVEL), one=st.text(), other=st.text())
def test_two_long_keys_with_the_same_start_do_not_share_a_topic(start: str, one: str, other: str) -> None:
    same = keyed_topic("base", start + one) == keyed_topic("base", start + other)
    assert same == (one == other)


@pytest.mark.parametrize(
    ("key", "topic"),
    [
        ("VEH-1", "base/VEH-1"),
        ("1FTFW1E50_~x.y", "base/1FTFW1E50_~x.y"),
        ("a/b", "base/a%2Fb"),
        ("+", "base/%2B"),
        ("$SYS", "base/%24SYS"),
        ("Käfer 1", "base/K%C3%A4fer%201"),
        ("", "base"),
    ],
)
def test_plain_ids_stay_as_they_are_and_the_rest_is_percent_encoded(key: str, topic: str) -> None:
    assert keyed_topic("base", key) == topic
