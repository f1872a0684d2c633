"""The values of expressions: those of Python's floats, whatever the other events of the batch are."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from config.expressions import MOST_NAMES, MOST_PARTS
from dataflows.decode.expressions import Expression

NAN = float("nan")
NAMES = ["x", "y", "z"]

EXACT: dict[str, Callable[[float, float, float], float]] = {
    "x - y": lambda x, y, z: x - y,
    "x * y + z": lambda x, y, z: x * y + z,
    "x / 3.6": lambda x, y, z: x / 3.6,
    "x / y": lambda x, y, z: x / y,
    "-x + +y": lambda x, y, z: -x + y,
    "x % y": lambda x, y, z: x - math.floor(x / y) * y,
    "abs(x)": lambda x, y, z: abs(x),
    "min(x, y)": lambda x, y, z: min(x, y),
    "max(x, 2)": lambda x, y, z: max(x, 2.0),
    "2 ** 3 * x": lambda x, y, z: 8.0 * x,
    "where(x > y, z, 0.1)": lambda x, y, z: z if x > y else 0.1,
    "where(x, y, z)": lambda x, y, z: y if x else z,
    "where(x <= y or not y == z, 1, 2) + (x < 0)": lambda x, y, z: (
        (1.0 if x <= y or y != z else 2.0) + (x < 0)
    ),
    "x >= y and z": lambda x, y, z: float(x >= y and z != 0),
    "x != y": lambda x, y, z: float(x != y),
}
"""Operations that IEEE 754 defines to the last bit."""

ROUNDED: dict[str, Callable[[float], float]] = {
    "sqrt(x)": math.sqrt,
    "exp(x)": math.exp,
    "log(x)": math.log,
    "log10(x)": math.log10,
    "sin(x)": math.sin,
    "cos(x)": math.cos,
    "x ** 1.7": lambda x: math.pow(x, 1.7),
    "x ** 2": lambda x: x * x,
}

numbers = st.one_of(
    st.floats(-1e6, 1e6), st.sampled_from([0.0, -0.0, 1.0, 50.0, 1e-300, 1e300, -1e308, 5e-324, NAN])
)
rows = st.lists(st.tuples(numbers, numbers, numbers), min_size=1, max_size=30)


def evaluated(text: str, *values: tuple[float, ...]) -> list[float]:
    found: list[float] = Expression.parse(text, NAMES).evaluate(np.array(values, np.float64)).tolist()
    return found


def expected(function: Callable[..., float], row: tuple[float, ...]) -> float:
    """What Python computes, NaN where something is missing and where the result is not finite."""
    if any(map(math.isnan, row)):
        return NAN
    try:
        value = float(function(*row))
    except (ArithmeticError, ValueError):
        return NAN
    return value if math.isfinite(value) else NAN


@pytest.mark.parametrize("text", EXACT)
@given(values=rows)
def test_every_operation_is_that_of_pythons_floats(
    text: str, values: list[tuple[float, float, float]]
) -> None:
    expression = Expression.parse(text, NAMES)
    used = [name in expression.names for name in NAMES]
    known = [tuple(v if u else 0.0 for v, u in zip(row, used, strict=True)) for row in values]
    np.testing.assert_array_equal(evaluated(text, *known), [expected(EXACT[text], row) for row in known])


@pytest.mark.parametrize("text", ROUNDED)
@given(values=st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=30))
def test_functions_are_those_of_pythons_math(text: str, values: list[float]) -> None:
    found = evaluated(text, *[(value, 0.0, 0.0) for value in values])
    np.testing.assert_allclose(found, [expected(ROUNDED[text], (value,)) for value in values], rtol=1e-14)


@pytest.mark.parametrize("text", [*EXACT, *ROUNDED])
@given(seed=st.integers(0, 2**32 - 1), size=st.sampled_from([1, 2, 7, 255, 1023, 1024, 1025, 4999]))
def test_results_are_bit_identical_however_events_are_batched(text: str, seed: int, size: int) -> None:
    random = np.random.default_rng(seed)
    values = random.normal(scale=10.0 ** random.integers(-3, 4), size=(5000, 3))
    values[random.random(values.shape) < 0.01] = 0.0
    values[random.random(values.shape) < 0.01] = np.nan
    expression = Expression.parse(text, NAMES)
    at_once = expression.evaluate(values)
    # Batches of one event are slow: some of them tell as much as all.
    starts = range(0, 5000, size) if size > 7 else random.integers(0, 5000 - size, 20).tolist()
    for start in starts:
        part = expression.evaluate(values[start : start + size].copy())
        assert part.tobytes() == at_once[start : start + size].tobytes()


@pytest.mark.parametrize(
    "text", ["x ** 0", "1 ** x", "x > 1", "x != x", "where(x > 1, 2, 3)", "min(x, 3)", "not x", "x or x == 1"]
)
def test_what_is_computed_from_a_missing_value_is_missing(text: str) -> None:
    assert math.isnan(evaluated(text, (NAN, 1.0, 1.0))[0])
    assert math.isfinite(evaluated(text, (5.0, 1.0, 1.0))[0])


def test_a_value_that_is_missing_where_it_is_not_chosen_is_missing_all_the_same() -> None:
    assert math.isnan(evaluated("where(x > 0, y, z)", (1.0, 2.0, NAN))[0])


def test_a_division_by_zero_is_missing_unless_it_is_not_chosen() -> None:
    np.testing.assert_array_equal(evaluated("x / y", (1.0, 0.0, 0.0), (0.0, 0.0, 0.0)), [NAN, NAN])
    assert evaluated("where(y == 0, 0, x / y)", (1.0, 0.0, 0.0), (1.0, 2.0, 0.0)) == [0.0, 0.5]


def test_a_condition_holds_only_where_it_is_known_to_be_true() -> None:
    asleep = Expression.parse("x == 0 and not y", NAMES)
    values = np.array([[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [NAN, 0.0, 0.0], [1.0, 0.0, 0.0]])
    assert asleep.is_condition
    assert asleep.names == ("x", "y")
    assert asleep.holds(values).tolist() == [True, False, False, False]
    assert asleep.evaluate(values[:2]).tolist() == [1.0, 0.0]


def test_a_remainder_has_the_sign_of_the_divisor_as_in_python() -> None:
    assert evaluated("(x + 20) % 360", (350.0, 0.0, 0.0), (-30.0, 0.0, 0.0)) == [10.0, 350.0]
    assert evaluated("x + -10 % 360", (0.0, 0.0, 0.0)) == [350.0]


def test_no_events_have_no_values() -> None:
    for text in ("x + y", "x > y", "x"):
        assert Expression.parse(text, NAMES).evaluate(np.zeros((0, 3))).shape == (0,)


def test_the_values_of_the_events_stay_as_they_are() -> None:
    values = np.array([[1.0, NAN, 3.0]])
    Expression.parse("x", NAMES).evaluate(values)[0] = 7.0
    np.testing.assert_array_equal(values, [[1.0, NAN, 3.0]])


@pytest.mark.parametrize("joint", [" + ", " and "])
def test_the_largest_expression_that_is_allowed_can_be_evaluated(joint: str) -> None:
    names = [f"s{number}" for number in range(MOST_NAMES)]
    terms = [f"(s{number % MOST_NAMES} > {number})" for number in range(MOST_PARTS // 4)]
    text = joint.join(terms)
    assert np.isfinite(Expression.parse(text, names).evaluate(np.ones((2, MOST_NAMES)))).all()
    nested = "s0"
    for number in range(MOST_PARTS // 4 - 1):
        nested = f"s{number % MOST_NAMES} * ({nested} - {number})"
    assert np.isfinite(Expression.parse(nested, names).evaluate(np.ones((2, MOST_NAMES)))).all()
    Expression.parse(" + ".join(names), names)


def test_threads_may_share_an_expression() -> None:
    expression = Expression.parse("(x + y) * (x - y) + sqrt(abs(z))", NAMES)
    batches: list[NDArray[np.float64]] = [
        np.random.default_rng(seed).normal(size=(3000, 3)) for seed in range(40)
    ]
    alone = [expression.evaluate(batch).tobytes() for batch in batches]
    with ThreadPoolExecutor(8) as threads:
        assert [found.tobytes() for found in threads.map(expression.evaluate, batches)] == alone
