"""Event times as senders write them: formats, zones, parts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.clock import microseconds
from dataflows.decode.faults import Faults
from dataflows.decode.times import EventTimes
from tests.support.decoding import decoder, messages

MOMENT = datetime(2026, 5, 20, 14, 39, 54, tzinfo=UTC)


def time_of(value: object, time_format: str, time_zone: str | None = None) -> datetime | str:
    """The time that a value means, or the reason why it means none."""
    faults = Faults()
    (time,) = EventTimes.of(time_format, time_zone).timestamps_of_texts([value], "the time", faults).tolist()
    for _, reason in faults.in_order():
        return reason
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time)


@pytest.mark.parametrize(
    "value",
    [
        *[1779287994, 1779287994.0, 1779287994000, 1779287994000000, 1779287994000000000, "1779287994"],
        *[" 1779287994000 ", "1779287994.0", "2026-05-20T14:39:54Z", "2026-05-20T16:39:54+02:00"],
        *["2026-05-20 14:39:54", "2026-05-20T14:39:54.000000000", "20260520T143954Z", 20260520143954],
        *["20260520143954", "2026/05/20 14:39:54", "2026.05.20 14:39:54", "20.05.2026 14:39:54"],
        *["20-May-2026 14:39:54.000", "20 May 2026, 14:39:54", "May 20, 2026 2:39:54 PM"],
        *["Wed May 20 14:39:54 2026", "Wed May 20 16:39:54 GMT+02:00 2026", "20.05.2026 14:39:54 UTC"],
        *["Wed, 20 May 2026 14:39:54 +0000", "2026-05-20 02:39:54 PM", "20.05.2026 16:39:54 +02:00"],
        "Wed May 20 2026 16:39:54 GMT+0200 (Central European Summer Time)",
    ],
)
def test_auto_reads_whatever_means_one_time_only(value: object) -> None:
    assert time_of(value, "auto") == MOMENT


@pytest.mark.parametrize(
    "value", ["05/06/2026 14:39:54", "5/20/2026 14:39", "14:39:54", "noon", "", "1e400", True, [], "9" * 500]
)
def test_auto_refuses_what_could_mean_several_times_or_none(value: object) -> None:
    reason = time_of(value, "auto")
    assert isinstance(reason, str)
    assert reason.startswith("expected the time to be ")


def test_auto_reads_times_without_a_zone_in_the_zone_of_the_settings() -> None:
    assert time_of("2026-05-20 16:39:54", "auto", "Europe/Berlin") == MOMENT
    assert time_of("20.05.2026 16:39:54", "auto", "Europe/Berlin") == MOMENT
    assert time_of("2026-05-20 14:39:54Z", "auto", "Europe/Berlin") == MOMENT
    assert time_of(1779287994, "auto", "Europe/Berlin") == MOMENT


def test_auto_keeps_fractions_of_seconds() -> None:
    half = MOMENT + timedelta(microseconds=250_000)
    assert time_of("20.05.2026 14:39:54,25", "auto") == half
    assert time_of("Wed May 20 14:39:54.250 UTC 2026", "auto") == half
    assert time_of(1779287994.25, "auto") == half


seconds_since_1974 = st.integers(130_000_000, 7_258_118_399)


@given(seconds=seconds_since_1974, fraction=st.integers(0, 999_999))
def test_auto_tells_the_unit_of_a_number_by_its_size(seconds: int, fraction: int) -> None:
    time = seconds * 1_000_000 + fraction
    numbers = [seconds, time // 1000, time, time * 1000]
    faults = Faults()
    times = EventTimes.of("auto", None).timestamps_of_texts(numbers, "the time", faults)
    assert times.tolist() == [seconds * 1_000_000, time // 1000 * 1000, time, time]
    assert not faults


@given(time=st.integers(-2_208_988_800_000_000, 7_258_118_399_999_999))
def test_microseconds_and_nanoseconds_are_exact_as_numbers_and_as_texts(time: int) -> None:
    for time_format, number in (("epoch_us", time), ("epoch_ns", time * 1000)):
        faults = Faults()
        column = [number, str(number)]
        times = EventTimes.of(time_format, None).timestamps_of_texts(column, "the time", faults)
        assert times.tolist() == [time, time]
        assert not faults


@pytest.mark.parametrize(
    "text", ["", "noon", "nan", "inf", "1_779_287_994", "0x10", "1779287994 s", "9" * 30]
)
def test_a_text_that_is_no_number_is_no_epoch(text: str) -> None:
    expected = f"expected the time to be a number of seconds since 1970, got {text!r}"
    assert time_of(text, "epoch_s") == expected


WRITTEN = [
    *["20.05.2026 14:39:54,25 +9999", "May 20, 2026 2:39:54 PM UTC+99:99", "0001-01-01 00:00:00"],
    *["9999-12-31 23:59:59", "0001-01-01T00:00:00+23:59", "Wed May 20 16:39:54 GMT+02:00 2026"],
    *["20-May-2026 10:00:00 Z", "1785000000", "9" * 20, "-1e99"],
]
spoilt_times = st.tuples(
    st.sampled_from(WRITTEN), st.integers(0, 40), st.text(alphabet="0123456789:+-./ ,TZGMUCPA()", max_size=3)
).map(lambda parts: parts[0][: parts[1]] + parts[2] + parts[0][parts[1] :])


@pytest.mark.parametrize("time_zone", [None, "Europe/Berlin", "Pacific/Kiritimati"])
@pytest.mark.parametrize("time_format", ["auto", "iso8601", "epoch_ns", "%d.%m.%Y %H:%M:%S"])
@given(text=st.one_of(spoilt_times, st.sampled_from(WRITTEN), st.text(max_size=20)))
def test_whatever_the_text_it_is_a_time_or_a_fault(
    time_format: str, time_zone: str | None, text: str
) -> None:
    found = time_of(text, time_format, time_zone)
    assert isinstance(found, datetime) or found.startswith("expected the time")


def test_a_time_in_a_zone_of_the_settings_follows_its_summer_time() -> None:
    assert time_of("2026-05-20T16:39:54", "iso8601", "Europe/Berlin") == MOMENT
    winter = datetime(2026, 1, 20, 15, 39, 54, tzinfo=UTC)
    assert time_of("2026-01-20T16:39:54", "iso8601", "Europe/Berlin") == winter
    assert time_of("2026-05-20T14:39:54Z", "iso8601", "Europe/Berlin") == MOMENT


@pytest.mark.parametrize(
    ("value", "pattern", "zone"),
    [
        ("20.05.2026 16:39:54", "%d.%m.%Y %H:%M:%S", "Europe/Berlin"),
        ("05/20/2026 02:39:54 PM", "%m/%d/%Y %I:%M:%S %p", "UTC"),
        ("2026-05-20T14:39:54Z", "%Y-%m-%dT%H:%M:%SZ", None),
        ("20-05-26 16:39:54 +0200", "%d-%m-%y %H:%M:%S %z", None),
        (20260520143954, "%Y%m%d%H%M%S", "UTC"),
    ],
)
def test_a_pattern_is_one_of_strptime(value: object, pattern: str, zone: str | None) -> None:
    assert time_of(value, pattern, zone) == MOMENT


def test_a_time_that_does_not_fit_the_pattern_is_told_what_was_expected() -> None:
    reason = time_of("2026-05-20 16:39", "%d.%m.%Y %H:%M", "UTC")
    assert reason == "expected the time to be a time in the pattern '%d.%m.%Y %H:%M', got '2026-05-20 16:39'"


def test_a_date_and_a_time_of_day_are_one_time() -> None:
    subject = decoder(time=["/day", "/clock"], time_zone="Europe/Berlin")
    text = b'{"vehicle_id":"a","day":"2026-05-20","clock":"16:39:54.250","speed":1}'
    decoded = subject.decode(messages(text))
    assert decoded.telemetry.timestamps.tolist() == [microseconds(MOMENT) + 250_000]


@pytest.mark.parametrize("text", [b'"clock":"16:39"', b'"day":"2026-05-20"', b'"day":null,"clock":"16:39"'])
def test_without_its_date_or_its_time_of_day_an_event_has_no_time(text: bytes) -> None:
    subject = decoder(time=["/day", "/clock"], time_zone="UTC")
    decoded = subject.decode(messages(b'{"vehicle_id":"a",' + text + b"}"))
    expected = "expected the event time at /day and /clock, got none: it is missing or null"
    assert decoded.dead_letters[0].reason == expected


@pytest.mark.parametrize("time_format", ["auto", "%Y-%m-%d %H:%M:%S"])
def test_every_way_of_writing_times_may_be_mixed_with_texts_that_are_none(time_format: str) -> None:
    subject = decoder(time_format=time_format, time_zone="UTC")
    texts = [b'"2026-05-20 14:39:54"', b'"noon"', b"null", b'"9999-12-31 00:00:00"']
    decoded = subject.decode(messages(*[b'{"vehicle_id":"a","ts":' + text + b"}" for text in texts]))
    assert decoded.bad.tolist() == [False, True, True, True]
    np.testing.assert_array_equal(decoded.telemetry.timestamps, [microseconds(MOMENT)])


@pytest.mark.parametrize(("digits", "fitting"), [(6, "epoch_us"), (9, "epoch_ns")])
def test_a_time_in_another_unit_is_answered_with_the_unit_that_fits(digits: int, fitting: str) -> None:
    payload = b'{"vehicle_id":"a","speed":1,"ts":1785000500%b}' % (b"0" * digits)
    (letter,) = decoder(time_format="epoch_ms").decode(messages(payload)).dead_letters
    assert letter.reason.endswith(f"check payload.time_format: {fitting!r} would make it 2026-07-25")
