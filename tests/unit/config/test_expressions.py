"""The grammar of expressions: what is allowed, and that all else is one line that says what was expected."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.expressions import LONGEST, MOST_NAMES, MOST_PARTS, in_order, parse

NAMES = ["speed", "rpm", "speed_limit", "ignition", "engine temp", "µ"]


def error_of(text: str) -> str:
    """The message of the error that an expression raises: a single line."""
    with pytest.raises(ValueError, match=r".+") as caught:
        parse(text, NAMES)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("text", "names", "is_condition"),
    [
        ("speed - speed_limit", ("speed", "speed_limit"), False),
        ("rpm / (speed + 1) * 2 ** 3 % 7", ("rpm", "speed"), False),
        ("-speed + +rpm", ("speed", "rpm"), False),
        ("where(speed > 3, rpm, 0)", ("speed", "rpm"), False),
        ("max(min(speed, 3), abs(rpm)) + sqrt(2)", ("speed", "rpm"), False),
        ("speed == 0", ("speed",), True),
        ("speed == 0 and not ignition or rpm != 3", ("speed", "ignition", "rpm"), True),
        ("  speed\n  - rpm\n", ("speed", "rpm"), False),
        ("'engine temp' - 20", ("engine temp",), False),
        ("µ + 'µ'", ("µ",), False),
        ("speed + speed", ("speed",), False),
    ],
)
def test_an_expression_names_its_signals_and_is_a_number_or_a_condition(
    text: str, names: tuple[str, ...], is_condition: bool
) -> None:
    parsed = parse(text, NAMES)
    assert parsed.names == names
    assert parsed.is_condition is is_condition
    assert "\n" not in parsed.text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("speed -", "expected an expression such as 'speed - speed_limit', got 'speed -': "),
        ("", "expected an expression such as 'speed - speed_limit', got ''"),
        ("speed; rpm", "expected an expression such as 'speed - speed_limit', got 'speed; rpm': "),
        ("speed\0", "expected an expression such as 'speed - speed_limit', got "),
        ("(" * 300 + "speed" + ")" * 300, "expected an expression such as 'speed - speed_limit', got "),
        ("3 + 4", "expected an expression with a signal, got '3 + 4'"),
        (
            "sped - 1",
            "expected the name of a signal (speed, rpm, speed_limit, ignition, engine temp, µ), got ",
        ),
        ("speed < rpm < 3", "expected comparisons joined by 'and', such as 'a < b and b < c', got 'speed < "),
        (
            "1 < 2 and speed",
            "expected a signal on one side of a comparison, got '1 < 2' in '1 < 2 and speed'",
        ),
        ("1 and speed", "expected a condition such as 'speed == 0', got '1' in '1 and speed'"),
        ("speed + 1 / 0", "expected a finite number, got '1 / 0' in 'speed + 1 / 0'"),
        ("speed + 10 ** 400", "expected a finite number, got '10 ** 400' in "),
        ("speed + 1e999", "expected a finite number, got "),
        ("speed + sqrt(-1)", "expected a finite number, got 'sqrt(-1)' in "),
        ("speed + (-8) ** 0.5", "expected a finite number, got "),
        ("min(speed)", "expected 2 arguments of min(), got 'min(speed)'"),
        ("where(speed, 1)", "expected where(condition, a, b), got 'where(speed, 1)'"),
        (
            "speed if rpm else 1",
            "expected numbers, names of signals (in quotes if they are no plain words), ",
        ),
    ],
)
def test_a_wrong_expression_is_one_line_that_says_what_was_expected_and_what_came(
    text: str, expected: str
) -> None:
    assert error_of(text).startswith(expected)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "speed.real",
        "rpm[0]",
        "(lambda: speed)()",
        "[speed for speed in rpm]",
        "(speed := 3)",
        "eval('speed')",
        "speed @ rpm",
        "speed // rpm",
        "speed | rpm",
        "speed is rpm",
        "speed in rpm",
        "abs(speed, base=1)",
        "min(*speed, rpm)",
        "True",
        "speed + 1j",
        "f'{speed}'",
        "...",
    ],
)
def test_what_is_not_in_the_grammar_is_refused_whatever_python_makes_of_it(text: str) -> None:
    assert error_of(text).startswith("expected ")


def test_an_expression_that_is_too_long_for_the_evaluator_is_refused() -> None:
    assert error_of("speed + " * LONGEST + "1").startswith(
        f"expected an expression of at most {LONGEST} char"
    )
    assert error_of("-" * 900 + "speed").startswith(f"expected an expression of at most {MOST_PARTS} parts")
    many = [f"s{number}" for number in range(MOST_NAMES + 1)]
    with pytest.raises(ValueError, match=f"at most {MOST_NAMES} signals, got {MOST_NAMES + 1}"):
        parse(" + ".join(many), many)


@given(text=st.text(st.sampled_from("speedrm0189.+-*/%()<>=!&|,' \n\\andortwhe"), max_size=40))
def test_any_text_is_an_expression_or_one_line(text: str) -> None:
    try:
        assert set(parse(text, NAMES).names) <= set(NAMES)
    except ValueError as error:
        message = str(error)
    else:
        message = ""
    assert "\n" not in message


def test_derived_signals_come_after_those_that_they_use() -> None:
    names = ["c", "b", "a", "x"]
    expressions = {
        name: parse(text, names) for name, text in [("c", "b + a"), ("b", "a * 2"), ("a", "x + 1")]
    }
    assert in_order(expressions) == ["a", "b", "c"]


def test_expressions_that_use_each_other_are_named() -> None:
    names = ["a", "b", "x"]
    expressions = {name: parse(text, names) for name, text in [("a", "b + x"), ("b", "a * 2")]}
    with pytest.raises(ValueError, match=r"got (a -> b -> a|b -> a -> b)$"):
        in_order(expressions)
    with pytest.raises(ValueError, match=r"expected expressions that do not use each other, got a -> a$"):
        in_order({"a": parse("a + 1", names)})
