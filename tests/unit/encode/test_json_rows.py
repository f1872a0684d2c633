"""JSON objects written at once: the law is what msgspec writes of each, but for digits."""

from __future__ import annotations

import math
import sys
from concurrent.futures import ThreadPoolExecutor
from decimal import ROUND_FLOOR, Context, Decimal
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from dataflows.encode.json_kernel import DIGITS, LONGEST_NUMBER, RESOLUTION, SMALLEST
from dataflows.encode.json_rows import ROWS_AT_ONCE, JsonRows, Kind, Members

MEMBERS: Members = {
    "id": Kind.TEXT,
    "ok": Kind.TEXT,
    'a "key"\\': {"x": Kind.NUMBER, "y": Kind.NUMBER},
    "raw": Kind.JSON,
}
ROWS = JsonRows(MEMBERS)
NUMBERS = JsonRows({"x": Kind.NUMBER})

FINITE = st.floats(allow_nan=False, allow_infinity=False)


def written(values: list[float]) -> list[bytes]:
    """The texts of numbers."""
    objects = NUMBERS.write(np.array(values, np.float64)[:, None], [], [])
    return [text.removeprefix(b'{"x":').removesuffix(b"}") for text in objects]


@given(
    st.lists(
        st.tuples(
            st.text(),
            st.booleans(),
            st.integers(-999, 999),
            st.sampled_from([b"[]", b'{"a":[1,"]"]}', b"null"]),
        ),
        max_size=8,
    )
)
def test_objects_are_those_that_an_encoder_writes_one_by_one(
    events: list[tuple[str, bool, int, bytes]],
) -> None:
    numbers = np.array([[float(number), number / 8.0] for _, _, number, _ in events]).reshape(-1, 2)
    ids, oks = [event[0] for event in events], [event[1] for event in events]
    assert ROWS.write(numbers, [ids, oks], [[event[3] for event in events]]) == [
        msgspec.json.encode(
            {"id": id_, "ok": ok, 'a "key"\\': {"x": float(x), "y": x / 8.0}, "raw": msgspec.Raw(raw)}
        )
        for id_, ok, x, raw in events
    ]


@pytest.mark.parametrize("id_", ["a,b", '","', '",', "\\", '\\",\\"', "[", "],[", "ü,\N{SNOWMAN}", "\n,\x00"])
def test_a_text_with_what_separates_values_stays_whole(id_: str) -> None:
    texts = ROWS.write(np.zeros((3, 2)), [[id_, "VEH-1", id_], [True, False, True]], [[b"1", b"2", b"3"]])
    decoded = [msgspec.json.decode(text) for text in texts]
    assert [(event["id"], event["ok"], event["raw"]) for event in decoded] == [
        (id_, True, 1),
        ("VEH-1", False, 2),
        (id_, True, 3),
    ]


@given(st.lists(FINITE, min_size=1))
def test_a_number_is_rounded_to_nine_digits(values: list[float]) -> None:
    for value, text in zip(values, written(values), strict=True):
        decoded = msgspec.json.decode(text)
        assert isinstance(decoded, float), text
        if abs(value) < SMALLEST:
            assert decoded == 0.0
        else:
            unit = 10.0 ** (math.floor(math.log10(abs(value))) - DIGITS + 1)
            assert abs(decoded - value) <= 0.5000001 * unit
        digits = text.partition(b"e")[0].lstrip(b"-0.").replace(b".", b"")
        assert len(digits) <= DIGITS + 1  # a 0 after the point counts for none
        assert len(text) <= LONGEST_NUMBER


@given(FINITE.filter(lambda value: SMALLEST < abs(value) < 1e300))
def test_numbers_that_are_a_resolution_apart_are_written_differently(value: float) -> None:
    first, second = written([value, value * (1.0 + RESOLUTION)])
    assert first != second


@given(st.lists(FINITE, min_size=2, max_size=2))
def test_rounding_keeps_the_order_of_numbers(values: list[float]) -> None:
    smaller, larger = map(msgspec.json.decode, written(sorted(values)))
    assert smaller <= larger


@pytest.mark.parametrize("power", range(-290, 300))
def test_powers_of_ten_are_written_with_a_single_digit(power: int) -> None:
    (text,) = written([float(f"1e{power}")])
    assert float(text) == float(f"1e{power}")
    assert len(text) <= 10


def test_the_power_of_ten_of_a_power_of_two_is_found_in_whole_numbers() -> None:
    exact = Context(prec=50)
    log = exact.log10(Decimal(2))
    for power in range(-1074, 1024):
        expected = exact.multiply(log, Decimal(power)).to_integral_value(rounding=ROUND_FLOOR)
        assert (power * 315_653) >> 20 == int(expected)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, b"0.0"),
        (-0.0, b"0.0"),
        (5e-324, b"0.0"),
        (1.0, b"1.0"),
        (-12.5, b"-12.5"),
        (0.1 + 0.2, b"0.3"),
        (9.99999999949, b"10.0"),
        (99999999.96, b"1.0e8"),
        (12345678.9, b"12345678.9"),
        (123456789.0, b"1.23456789e8"),
        (0.00001234567891, b"0.0000123456789"),
        (-0.000001, b"-1.0e-6"),
        (1e100, b"1.0e100"),
        (-1.7976931348623157e308, b"-1.79769313e308"),
        (math.nan, b"null"),
        (math.inf, b"null"),
        (-math.inf, b"null"),
    ],
)
def test_numbers_are_written_as_people_write_them(value: float, text: bytes) -> None:
    assert written([value]) == [text]


def test_what_was_written_before_does_not_show_through() -> None:
    long, short = written([-1.23456789e-200] * 50), written([2.0] * 3)
    assert (long, short) == ([b"-1.23456789e-200"] * 50, [b"2.0"] * 3)


def test_memory_grows_with_what_is_written() -> None:
    rows = JsonRows({"x": Kind.NUMBER, "text": Kind.TEXT})
    for count in (10, 15, 16, 1000, 3):
        texts = [f"{'a' * count} {number}" for number in range(count)]
        objects = rows.write(np.full((count, 1), -1.23456789e-200), [texts], [])
        assert [msgspec.json.decode(each) for each in objects] == [
            {"x": -1.23456789e-200, "text": text} for text in texts
        ]


@pytest.mark.parametrize("rows", [ROWS_AT_ONCE, ROWS_AT_ONCE + 1, 3 * ROWS_AT_ONCE])
def test_many_rows_take_no_more_memory_than_a_portion_of_them(rows: int) -> None:
    writer = JsonRows({"x": Kind.NUMBER, "text": Kind.TEXT, "json": Kind.JSON})
    texts, json = [f"VEH-{number}" for number in range(rows)], [b"%d" % number for number in range(rows)]
    objects = writer.write(np.arange(rows, dtype=np.float64)[:, None], [texts], [json])
    decoded = [msgspec.json.decode(each) for each in objects]
    assert decoded == [{"x": number, "text": f"VEH-{number}", "json": number} for number in range(rows)]
    assert writer.memory < 200 * ROWS_AT_ONCE


@pytest.mark.parametrize(
    ("numbers", "texts", "json"),
    [
        (np.zeros((2, 1)), [["p", "q"], [True, True]], [[b"1", b"2"]]),
        (np.zeros((2, 2)), [["p", "q", "r"], [True]], [[b"1", b"2"]]),
        (np.zeros((2, 2)), [["p", "q"]], [[b"1", b"2"]]),
        (np.zeros((2, 2)), [["p", "q"], [True, True]], [[b"1"]]),
    ],
)
def test_columns_that_do_not_fit_are_refused(
    numbers: NDArray[np.float64], texts: list[list[Any]], json: list[list[bytes]]
) -> None:
    with pytest.raises(ValueError, match=r"expected \(2, 2, 1\) columns .* of 2 values each, got"):
        ROWS.write(numbers, texts, json)


def test_threads_do_not_write_into_each_others_rows() -> None:
    """Workers of one process are threads that share the encoder."""

    def work(number: int) -> bool:
        expected = [b'{"x":%d.0}' % number] * 100
        return all(NUMBERS.write(np.full((100, 1), float(number)), [], []) == expected for _ in range(300))

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as threads:
            assert all(threads.map(work, range(4)))
    finally:
        sys.setswitchinterval(before)


def test_no_rows_are_no_objects() -> None:
    assert ROWS.write(np.zeros((0, 2)), [[], []], [[]]) == []
