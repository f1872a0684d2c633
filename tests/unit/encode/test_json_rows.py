"""Many JSON objects written at once are what msgspec writes one by one, except for the digits of numbers."""

from __future__ import annotations

import math
import sys
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from decimal import ROUND_FLOOR, Context, Decimal
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from dataflows.encode.json_kernel import (
    DIGITS,
    LOG10_OF_2,
    LOG10_OF_2_BITS,
    LONGEST_NUMBER,
    RESOLUTION,
    SMALLEST,
)
from dataflows.encode.json_rows import ROWS_AT_ONCE, Choice, JsonRows, Members, ValueFormat

MEMBERS: Members = {
    "id": ValueFormat.SCALAR,
    "ok": ValueFormat.SCALAR,
    "one of": ValueFormat.CHOICE,
    'a "key"\\': {"x": ValueFormat.NUMBER, "y": ValueFormat.NUMBER},
    "raw": ValueFormat.RAW,
    "constant": ValueFormat.CHOICE,
}
ROWS = JsonRows(MEMBERS)
NUMBERS = JsonRows({"x": ValueFormat.NUMBER})

OPTIONS = [b"false", b"true", b'["a,b"]', b"{}"]

FINITE = st.floats(allow_nan=False, allow_infinity=False)


def constant(rows: int) -> Choice:
    """A column that has the same value in every row."""
    return [b"7"], np.zeros(rows, np.intp)


def written(values: list[float]) -> list[bytes]:
    """Numbers as they are written."""
    objects = NUMBERS.write(np.array(values, np.float64)[:, None])
    return [text.removeprefix(b'{"x":').removesuffix(b"}") for text in objects]


@given(
    st.lists(
        st.tuples(
            st.text(),
            st.booleans(),
            st.integers(-999, 999),
            st.sampled_from([b"[]", b'{"a":[1,"]"]}', b"null"]),
            st.integers(0, len(OPTIONS) - 1),
        ),
        max_size=8,
    )
)
def test_objects_are_those_that_an_encoder_writes_one_by_one(
    events: list[tuple[str, bool, int, bytes, int]],
) -> None:
    numbers = np.array([[float(event[2]), event[2] / 8.0] for event in events]).reshape(-1, 2)
    scalars: list[list[Any]] = [[event[0] for event in events], [event[1] for event in events]]
    choices = [(OPTIONS, np.array([event[4] for event in events], np.uint8)), constant(len(events))]
    assert ROWS.write(numbers, scalars=scalars, choices=choices, raw=[[event[3] for event in events]]) == [
        msgspec.json.encode(
            {
                "id": id_,
                "ok": ok,
                "one of": msgspec.Raw(OPTIONS[option]),
                'a "key"\\': {"x": float(x), "y": x / 8.0},
                "raw": msgspec.Raw(raw),
                "constant": 7,
            }
        )
        for id_, ok, x, raw, option in events
    ]


@pytest.mark.parametrize("id_", ["a,b", '","', '",', "\\", '\\",\\"', "[", "],[", "ü,\N{SNOWMAN}", "\n,\x00"])
def test_a_string_that_contains_separators_stays_whole(id_: str) -> None:
    scalars: list[list[Any]] = [[id_, "VEH-1", id_], [True, False, True]]
    choices = [(OPTIONS, np.array([0, 1, 2])), constant(3)]
    texts = ROWS.write(np.zeros((3, 2)), scalars=scalars, choices=choices, raw=[[b"1", b"2", b"3"]])
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
        assert len(digits) <= DIGITS + 1  # a 0 after the point is not significant
        assert len(text) <= LONGEST_NUMBER


@given(FINITE.filter(lambda value: SMALLEST < abs(value) < 1e300))
def test_numbers_one_resolution_apart_are_written_differently(value: float) -> None:
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


def test_the_power_of_ten_of_any_power_of_two_is_exact_in_integers() -> None:
    exact = Context(prec=50)
    log = exact.log10(Decimal(2))
    for power in range(-1074, 1024):
        expected = exact.multiply(log, Decimal(power)).to_integral_value(rounding=ROUND_FLOOR)
        assert (power * LOG10_OF_2) >> LOG10_OF_2_BITS == int(expected)


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


def test_earlier_output_does_not_show_through() -> None:
    long, short = written([-1.23456789e-200] * 50), written([2.0] * 3)
    assert (long, short) == ([b"-1.23456789e-200"] * 50, [b"2.0"] * 3)


def test_the_buffer_grows_with_the_output() -> None:
    rows = JsonRows({"x": ValueFormat.NUMBER, "text": ValueFormat.SCALAR})
    for count in (10, 15, 16, 1000, 3):
        texts = [f"{'a' * count} {number}" for number in range(count)]
        objects = rows.write(np.full((count, 1), -1.23456789e-200), scalars=[texts])
        assert [msgspec.json.decode(each) for each in objects] == [
            {"x": -1.23456789e-200, "text": text} for text in texts
        ]


@pytest.mark.parametrize("rows", [ROWS_AT_ONCE, ROWS_AT_ONCE + 1, 3 * ROWS_AT_ONCE])
def test_large_batches_keep_no_more_memory_than_one_portion_needs(rows: int) -> None:
    writer = JsonRows(
        {
            "x": ValueFormat.NUMBER,
            "text": ValueFormat.SCALAR,
            "same": ValueFormat.CHOICE,
            "json": ValueFormat.RAW,
        }
    )
    texts, json = [f"VEH-{number}" for number in range(rows)], [b"%d" % number for number in range(rows)]
    numbers = np.arange(rows, dtype=np.float64)[:, None]
    tracemalloc.start()
    try:
        objects = writer.write(numbers, scalars=[texts], choices=[constant(rows)], raw=[json])
        decoded = [msgspec.json.decode(each) for each in objects]
        assert decoded == [
            {"x": number, "text": f"VEH-{number}", "same": 7, "json": number} for number in range(rows)
        ]
        del objects, decoded
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 200 * ROWS_AT_ONCE


BOTH = [(OPTIONS, np.array([0, 1])), constant(2)]


@pytest.mark.parametrize(
    ("numbers", "scalars", "choices", "raw"),
    [
        (np.zeros((2, 1)), [["p", "q"], [True, True]], BOTH, [[b"1", b"2"]]),
        (np.zeros((2, 2)), [["p", "q", "r"], [True]], BOTH, [[b"1", b"2"]]),
        (np.zeros((2, 2)), [["p", "q"]], BOTH, [[b"1", b"2"]]),
        (np.zeros((2, 2)), [["p", "q"], [True, True]], BOTH, [[b"1"]]),
        (np.zeros((2, 2)), [["p", "q"], [True, True]], BOTH[:1], [[b"1", b"2"]]),
        (np.zeros((2, 2)), [["p", "q"], [True, True]], [*BOTH[:1], constant(3)], [[b"1", b"2"]]),
    ],
)
def test_columns_that_do_not_match_the_members_are_rejected(
    numbers: NDArray[np.float64], scalars: list[list[Any]], choices: list[Choice], raw: list[list[bytes]]
) -> None:
    with pytest.raises(ValueError, match=r"expected \(2, 2, 0, 2, 1\) columns .* of 2 values each, got"):
        ROWS.write(numbers, scalars=scalars, choices=choices, raw=raw)


def test_threads_do_not_write_into_each_others_rows() -> None:
    """Workers of one process are threads that share one encoder."""

    def work(number: int) -> bool:
        expected = [b'{"x":%d.0}' % number] * 100
        return all(NUMBERS.write(np.full((100, 1), float(number))) == expected for _ in range(300))

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as threads:
            assert all(threads.map(work, range(4)))
    finally:
        sys.setswitchinterval(before)


def test_no_rows_are_no_objects() -> None:
    assert (
        ROWS.write(
            np.zeros((0, 2)),
            scalars=[[], []],
            choices=[(OPTIONS, np.zeros(0, np.intp)), constant(0)],
            raw=[[]],
        )
        == []
    )
