"""One warning per signal of which most values cannot be read, and none for a few."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.decode.signal_watch import WINDOW, SignalWatch
from dataflows.metrics import BAD_VALUES, IGNORED
from tests.support.decoding import decoder, messages

GOOD = b'{"vehicle_id":"a","ts":"2026-01-31T12:00:00Z","speed":1,"rpm":2}'
BAD = GOOD.replace(b"1,", b'"fast",')
WITHOUT = GOOD.replace(b'"speed"', b'"x"')


def warnings(payloads: list[bytes], size: int) -> list[str]:
    """The lines that a job logs about these events."""
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("dataflows.decode.signal_watch")
    logger.addHandler(handler)
    try:
        watch, subject = SignalWatch(["speed", "rpm"]), decoder()
        for start in range(0, len(payloads), size):
            watch.count(subject.decode(messages(*payloads[start : start + size])))
    finally:
        logger.removeHandler(handler)
    return lines


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_signal_that_cannot_be_read_is_reported_once_with_an_example(size: int) -> None:
    (line,) = warnings([BAD] * 10 * WINDOW, size)
    assert "values of signal 'speed' cannot be read and count as missing: expected signal 'speed'" in line
    assert "got the string 'fast'; check [signals.speed]" in line


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_events_without_the_signal_do_not_hide_that_its_values_are_bad(size: int) -> None:
    assert len(warnings([BAD, *[WITHOUT] * 9] * WINDOW, size)) == 1


@given(
    kinds=st.lists(st.sampled_from([GOOD, GOOD, WITHOUT, WITHOUT]), min_size=1, max_size=20),
    size=st.integers(1, 50),
)
def test_a_few_bad_values_among_good_ones_are_not_reported(kinds: list[bytes], size: int) -> None:
    assert warnings([*kinds, GOOD, GOOD, BAD] * 40, size) == []


def test_a_signal_that_goes_bad_later_is_reported() -> None:
    assert len(warnings([GOOD] * 500 + [BAD] * 300, 10)) == 1


def test_bad_values_and_ignored_events_are_metrics(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    before = BAD_VALUES.labels("rpm")._value.get(), IGNORED._value.get()
    watch = SignalWatch(["speed", "rpm"])
    subject = decoder(signal="/s", value="/v", vehicle_id="topic", time=None)
    batch = messages(b'{"s":"rpm","v":"x"}', b'{"s":"odometer","v":1}', b'{"s":"odometer","v":1}')
    watch.count(subject.decode(batch))
    watch.count(subject.decode(batch))
    assert BAD_VALUES.labels("rpm")._value.get() - before[0] == 2
    assert IGNORED._value.get() - before[1] == 4
    assert caplog.messages == ["ignoring signals that are not in the catalogue, such as 'odometer'"]
