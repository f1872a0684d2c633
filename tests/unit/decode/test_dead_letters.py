"""Dead letters on the wire, and the limit that stops the job."""

from __future__ import annotations

import json
import re
from contextlib import nullcontext
from datetime import UTC, datetime
from itertools import pairwise

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import DeadLetterLimitError
from config.settings import DeadLetterSettings
from dataflows.decode import Decoded, TelemetryBatch
from dataflows.decode.dead_letters import DeadLetterLimit, encode_dead_letters
from dataflows.events import DeadLetter
from tests.support.decoding import decoder, messages

GOOD, BAD = False, True


def letter(reason: str, payload: bytes = b"x") -> DeadLetter:
    return DeadLetter(
        reason=reason,
        payload=payload,
        topic="cars/a",
        partition="mqtt",
        offset=None,
        arrived_at=datetime(2026, 1, 31, 12, tzinfo=UTC),
    )


def outcome(*bad: bool, start: int = 0) -> Decoded:
    """Events of which these were bad, each for the reason ``#position``."""
    good = len(bad) - sum(bad)
    telemetry = TelemetryBatch(
        [""] * good,
        [""] * good,
        np.zeros(good, np.int64),
        np.zeros((good, 0)),
        [b"{}"] * good,
        np.arange(good),
    )
    letters = [letter(f"#{start + position}") for position, is_bad in enumerate(bad) if is_bad]
    return Decoded(telemetry, letters, np.array(bad, dtype=np.bool_))


def limit(max_share: float = 1.0, window: int = 10, max_run: int = 1000) -> DeadLetterLimit:
    return DeadLetterLimit(DeadLetterSettings(max_share=max_share, window=window, max_run=max_run))


def test_a_dead_letter_is_json_with_its_bytes_in_base64() -> None:
    batch = encode_dead_letters([letter("first", b"\x00\xff"), letter("second")])
    assert batch.keys == ["", ""]
    assert json.loads(batch.payloads[0]) == {
        "reason": "first",
        "payload": "AP8=",
        "topic": "cars/a",
        "partition": "mqtt",
        "offset": None,
        "arrived_at": "2026-01-31T12:00:00Z",
    }
    assert msgspec.json.decode(batch.payloads[1], type=DeadLetter) == letter("second")


def test_no_dead_letters_become_no_messages() -> None:
    assert len(encode_dead_letters([])) == 0


def test_a_run_as_long_as_tolerated_is_tolerated() -> None:
    subject = limit(max_run=3)
    subject.count(outcome(BAD, BAD, BAD, GOOD, BAD, BAD, BAD))
    subject.count(outcome(GOOD))
    subject.count(outcome(BAD, BAD))


def test_a_longer_run_stops_the_job_even_over_several_batches() -> None:
    subject = limit(max_run=3)
    subject.count(outcome(GOOD, BAD))
    subject.count(outcome())
    subject.count(outcome(BAD, BAD))
    expected = (
        "4 events in a row could not be decoded, more than the tolerated 3 (dead_letters.max_run); "
        "the last reason: #3; check [payload] and [signals.*] against what is sent"
    )
    with pytest.raises(DeadLetterLimitError, match=f"^{re.escape(expected)}$"):
        subject.count(outcome(BAD, BAD, BAD, start=3))


def test_too_large_a_share_of_a_full_window_stops_the_job() -> None:
    subject = limit(max_share=0.5, window=4)
    subject.count(outcome(BAD, BAD, GOOD))
    subject.count(outcome(GOOD, GOOD, BAD, start=3))
    expected = (
        "75.0% of the last 4 events could not be decoded, more than the tolerated 50.0% "
        "(dead_letters.max_share); the last reason: #7; check [payload] and [signals.*] against what is sent"
    )
    with pytest.raises(DeadLetterLimitError, match=f"^{re.escape(expected)}$"):
        subject.count(outcome(BAD, BAD, BAD, start=6))


def test_before_the_window_is_full_no_share_is_too_large() -> None:
    subject = limit(max_share=0.0, window=4)
    subject.count(outcome(BAD, BAD, BAD))
    with pytest.raises(DeadLetterLimitError, match=r"75\.0% of the last 4 events .* reason: #2;"):
        subject.count(outcome(GOOD))


def test_events_that_have_left_the_window_no_longer_count() -> None:
    subject = limit(max_share=0.5, window=4)
    for _ in range(100):
        subject.count(outcome(BAD, GOOD, GOOD, BAD))


def test_a_share_of_one_is_never_exceeded() -> None:
    limit(max_share=1.0, window=4).count(outcome(*[BAD] * 1000))


@given(
    bad=st.lists(st.booleans(), max_size=60),
    cuts=st.lists(st.integers(0, 60), max_size=6),
    max_share=st.sampled_from([0.0, 0.3, 0.5, 0.9, 1.0]),
    window=st.integers(1, 20),
    max_run=st.integers(1, 8),
)
def test_the_limit_stops_at_the_same_event_however_events_are_batched(
    bad: list[bool], cuts: list[int], max_share: float, window: int, max_run: int
) -> None:
    expected = None
    for end in range(1, len(bad) + 1):
        run = next((length for length in range(end) if not bad[end - 1 - length]), end)
        share = sum(bad[end - window : end]) / window if end >= window else 0.0
        if run > max_run or share > max_share:
            what = f"{share:.1%} of the last {window} " if share > max_share else f"{run} events in a row "
            expected = f"^{what}.*; the last reason: #{max(i for i in range(end) if bad[i])}; "
            break
    subject = limit(max_share, window, max_run)
    edges = [0, *sorted(cut for cut in cuts if cut <= len(bad)), len(bad)]
    stops = nullcontext() if expected is None else pytest.raises(DeadLetterLimitError, match=expected)
    with stops:
        for start, stop in pairwise(edges):
            subject.count(outcome(*bad[start:stop], start=start))


def test_what_a_decoder_returns_can_be_counted_and_sent() -> None:
    decoded = decoder().decode(messages(b"{", b"}"))
    limit(max_run=2).count(decoded)
    assert len(encode_dead_letters(decoded.dead_letters)) == 2
    with pytest.raises(DeadLetterLimitError, match="the last reason: expected JSON, got 1 byte that is"):
        limit(max_run=1).count(decoded)
