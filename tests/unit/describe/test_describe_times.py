"""The time of an event: in which field it is, and in which format."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dataflows.describe import propose
from tests.support.described import START, drive, proposed, sample_of

FIRST = datetime.fromtimestamp(START, UTC)


def with_times(times: list[Any], name: str = "time") -> list[dict[str, Any]]:
    return [
        {"vin": "V1", name: time, "speed": record["speed"], "rpm": record["rpm"]}
        for time, record in zip(times, drive(len(times)), strict=True)
    ]


def written(pattern: str, step: timedelta = timedelta(hours=7)) -> list[str]:
    return [(FIRST + number * step).strftime(pattern) for number in range(120)]


@pytest.mark.parametrize(
    ("name", "factor"), [("epoch_s", 1), ("epoch_ms", 10**3), ("epoch_us", 10**6), ("epoch_ns", 10**9)]
)
@pytest.mark.parametrize("as_text", [False, True])
def test_a_number_is_a_time_in_the_unit_in_which_it_is_in_this_century(
    name: str, factor: int, as_text: bool
) -> None:
    times = [(START + second) * factor for second in range(120)]
    payload = proposed(sample_of(with_times([str(time) if as_text else time for time in times])))["payload"]
    assert (payload["time"], payload["time_format"]) == ("/time", name)


@pytest.mark.parametrize(
    "pattern", ["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.%f+0200", "%Y-%m-%d %H:%M:%S+00:00"]
)
def test_iso_8601_with_a_zone(pattern: str) -> None:
    payload = proposed(sample_of(with_times(written(pattern))))["payload"]
    assert payload["time_format"] == "iso8601"
    assert "time_zone" not in payload


def test_iso_8601_without_a_zone_is_taken_as_utc_and_said_to_be_unsure() -> None:
    sample = sample_of(with_times(written("%Y-%m-%d %H:%M:%S")))
    payload = proposed(sample)["payload"]
    assert payload["time_format"] == "iso8601"
    assert payload["time_zone"] == "UTC"
    assert any("no zone" in doubt for doubt in propose(sample).doubts)


@pytest.mark.parametrize(
    "pattern",
    [
        "%d.%m.%Y %H:%M:%S",
        "%d/%m/%Y %H:%M:%S",
        "%m/%d/%Y %I:%M:%S %p",
        "%d-%b-%Y %H:%M:%S.%f",
        "%a %b %d %H:%M:%S GMT%z %Y",
        "%Y%m%d%H%M%S",
    ],
)
def test_other_texts_get_the_pattern_that_reads_them(pattern: str) -> None:
    texts = written(pattern)
    name = proposed(sample_of(with_times(texts)))["payload"]["time_format"]
    read = [datetime.strptime(text, name).replace(tzinfo=UTC) for text in texts]
    step = timedelta(hours=7)
    assert read == [FIRST + number * step for number in range(len(texts))]


def test_day_and_month_that_could_be_exchanged_are_said_to_be_unsure() -> None:
    texts = [f"05/06/2026 10:{second // 60:02}:{second % 60:02}" for second in range(120)]
    assert any("exchanged" in doubt for doubt in propose(sample_of(with_times(texts))).doubts)


def test_date_and_time_of_day_in_two_fields() -> None:
    records = [
        {"Date": "2026-07-09", "Clock": f"10:{second // 60:02}:{second % 60:02}", "speed": second % 50}
        for second in range(120)
    ]
    payload = proposed(sample_of(records))["payload"]
    assert payload["time"] == ["/Date", "/Clock"]
    assert payload["time_format"] == "iso8601"
    assert payload["time_zone"] == "UTC"


def test_date_and_time_of_day_of_another_form_in_two_fields() -> None:
    records = [
        {"date": "09.07.2026", "time": f"10:{second // 60:02}:{second % 60:02}", "speed": second % 50}
        for second in range(120)
    ]
    payload = proposed(sample_of(records))["payload"]
    assert payload["time"] == ["/date", "/time"]
    assert payload["time_format"] == "%d.%m.%Y %H:%M:%S"


def test_a_time_of_day_alone_is_no_time_of_an_event() -> None:
    records = [
        {"Time": f"10:{second // 60:02}:{second % 60:02}.418", "speed": second % 50} for second in range(120)
    ]
    sample = sample_of(records)
    assert proposed(sample)["payload"]["time"] == ""
    assert any("no whole time" in doubt for doubt in propose(sample).doubts)


def test_the_time_of_the_measurement_and_not_that_of_its_reception() -> None:
    records = [{**record, "received_at": record["ts"] + 5, "gps_time": START} for record in drive()]
    assert proposed(sample_of(records))["payload"]["time"] == "/ts"


def test_a_time_that_goes_back_is_said_to_be_unsure() -> None:
    records = drive()
    for number in range(0, 200, 3):
        records[number]["ts"] -= 50
    assert any("goes back" in doubt for doubt in propose(sample_of(records)).doubts)


def test_seconds_since_a_start_are_dated_1970() -> None:
    sample = sample_of([{"time": 539.607 + number / 10, "speed": number % 70} for number in range(200)])
    payload = proposed(sample)["payload"]
    assert (payload["time"], payload["time_format"]) == ("/time", "epoch_s")
    assert any("1970" in doubt for doubt in propose(sample).doubts)


def test_without_a_time_that_of_arrival_is_used() -> None:
    records = [{"speed": record["speed"], "rpm": record["rpm"]} for record in drive()]
    settings = proposed(sample_of(records))
    assert settings["payload"]["time"] == ""
    assert "time_format" not in settings["payload"]
