"""Expressions of the settings, such as ``speed - speed_limit``: their grammar, checked without any values.

Python's parser reads them and nothing is ever executed: what is not named here is refused. What comes out is
text for a vectorised evaluator (`dataflows.decode.expressions`), with a variable in place of every signal.

An expression is a number or a condition. Where a number is wanted, a condition counts as 1 or 0; where a
condition is wanted, a number other than 0 counts as true, as the flags that vehicles send do.
"""

from __future__ import annotations

import ast
import math
import operator
import re
import unicodedata
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

LONGEST = 1000
"""Characters of an expression, at most."""

MOST_PARTS = 100
"""Numbers, signals, operators and functions in an expression, at most: the evaluator has 255 registers."""

MOST_NAMES = 30
"""Signals in an expression, at most: the evaluator takes 63 arrays."""

_MOST_LISTED = 20
_EXCERPT = 60

_ARITHMETIC: dict[type[ast.operator], tuple[str, Callable[[float, float], float]]] = {
    ast.Add: ("+", operator.add),
    ast.Sub: ("-", operator.sub),
    ast.Mult: ("*", operator.mul),
    ast.Div: ("/", operator.truediv),
    ast.Pow: ("**", math.pow),
    ast.Mod: ("%", operator.mod),
}
_COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}
_FUNCTIONS: dict[str, tuple[str, int, Callable[..., float]]] = {
    "abs": ("abs", 1, abs),
    "sqrt": ("sqrt", 1, math.sqrt),
    "exp": ("exp", 1, math.exp),
    "log": ("log", 1, math.log),
    "log10": ("log10", 1, math.log10),
    "sin": ("sin", 1, math.sin),
    "cos": ("cos", 1, math.cos),
    "min": ("minimum", 2, min),
    "max": ("maximum", 2, max),
}
"""Name → name in the evaluator, number of arguments, and the function of plain numbers."""

_LANGUAGE = (
    "numbers, names of signals (in quotes if they are no plain words), + - * / ** %, comparisons, and, or, "
    f"not, where(condition, a, b), {', '.join(_FUNCTIONS)}"
)


@dataclass(frozen=True, slots=True)
class ParsedExpression:
    """An expression that is right.

    Attributes:
        text: as it was written, on one line.
        names: the signals in it, at least one, each once.
        code: for the evaluator; the variable ``x0`` is the first of the names, and so on.
        is_condition: whether it is true or false rather than a number.
    """

    text: str
    names: tuple[str, ...]
    code: str
    is_condition: bool


def parse(text: str, names: Iterable[str]) -> ParsedExpression:
    """Read an expression.

    Args:
        text: e.g. ``"speed - speed_limit"`` or ``"speed == 0 and not ignition"``.
        names: signals that it may use.

    Raises:
        ValueError: it is wrong, in one line: what was expected, what came, in which expression.
    """
    text = re.sub(r"\s*[\r\n]\s*", " ", text.strip())
    if len(text) > LONGEST:
        raise ValueError(f"expected an expression of at most {LONGEST} characters, got {len(text)}")
    try:
        with warnings.catch_warnings():
            # Python warns of what it takes for a slip; here it is an error.
            warnings.simplefilter("error")
            tree = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        problem = error.msg if isinstance(error, SyntaxError) else "it cannot be read"
        raise ValueError(
            f"expected an expression such as 'speed - speed_limit', got {_excerpt(text)!r}: {problem}"
        ) from None
    parts = sum(isinstance(node, ast.expr) for node in ast.walk(tree))
    if parts > MOST_PARTS:
        raise ValueError(f"expected an expression of at most {MOST_PARTS} parts, got {parts}")
    translation = _Translation(names)
    try:
        part = translation.of(tree)
    except ValueError as error:
        whole = repr(_excerpt(text))
        raise ValueError(str(error) if whole in str(error) else f"{error} in {whole}") from None
    used = tuple(translation.variables)
    if not used:
        raise ValueError(f"expected an expression with a signal, got {_excerpt(text)!r}")
    if len(used) > MOST_NAMES:
        raise ValueError(f"expected an expression of at most {MOST_NAMES} signals, got {len(used)}")
    return ParsedExpression(text, used, part.code, part.is_condition)


def in_order(expressions: Mapping[str, ParsedExpression]) -> list[str]:
    """The derived signals in an order in which each comes after those that it uses.

    Args:
        expressions: name of a derived signal → its expression; it may use derived signals.

    Raises:
        ValueError: some use each other in a circle.
    """
    uses = {name: [used for used in each.names if used in expressions] for name, each in expressions.items()}
    try:
        return list(TopologicalSorter(uses).static_order())
    except CycleError as error:
        circle = " -> ".join(reversed(error.args[1]))
        raise ValueError(f"expected expressions that do not use each other, got {circle}") from None


@dataclass(frozen=True, slots=True)
class _Part:
    """A translated part of an expression; `constant` is its value if no signal is in it."""

    code: str
    is_condition: bool = False
    constant: float | None = None

    @property
    def number(self) -> str:
        return f"where({self.code}, 1.0, 0.0)" if self.is_condition else self.code


class _Translation:
    """Translates one expression; `variables` holds the signals in it and their variables."""

    def __init__(self, names: Iterable[str]) -> None:
        self.variables: dict[str, str] = {}
        self._names = list(names)
        # Python's parser normalises names, so that "µ" can be another character than in the catalogue.
        self._known = {unicodedata.normalize("NFKC", name): name for name in self._names}
        self._known |= {name: name for name in self._names}

    def of(self, node: ast.expr) -> _Part:
        """Translate a part.

        Raises:
            ValueError: it is wrong; the message lacks the whole expression.
        """
        match node:
            case ast.Constant(value=bool()):
                pass
            case ast.Constant(value=int() | float() as value):
                return _constant(node, lambda: float(value))
            case ast.Constant(value=str() as name) | ast.Name(id=name):
                return self._signal(name)
            case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=operand):
                inner = self.of(operand)
                factor = -1.0 if isinstance(sign, ast.USub) else 1.0
                if inner.constant is not None:
                    number = inner.constant
                    return _constant(node, lambda: factor * number)
                return _Part(f"(-{inner.number})" if factor < 0.0 else inner.number)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return _Part(f"(~{self._condition(operand)})", is_condition=True)
            case ast.BoolOp(op=connective, values=operands):
                joint = " & " if isinstance(connective, ast.And) else " | "
                return _Part(f"({joint.join(map(self._condition, operands))})", is_condition=True)
            case ast.BinOp(op=operation) if type(operation) in _ARITHMETIC:
                return self._arithmetic(node)
            case ast.Compare(ops=[comparison]) if type(comparison) in _COMPARISONS:
                return self._comparison(node)
            case ast.Compare(ops=[_, _, *_]):
                raise ValueError(
                    f"expected comparisons joined by 'and', such as 'a < b and b < c', got {_source(node)}"
                )
            case ast.Call(func=ast.Name(id="where"), args=[condition, first, second], keywords=[]):
                choice = self._condition(condition), self.of(first).number, self.of(second).number
                return _Part(f"where({', '.join(choice)})")
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in _FUNCTIONS:
                return self._call(node, name, arguments)
            case ast.Call(func=ast.Name(id="where")):
                raise ValueError(f"expected where(condition, a, b), got {_source(node)}")
            case _:
                pass
        raise ValueError(f"expected {_LANGUAGE}, got {_source(node)}")

    def _signal(self, name: str) -> _Part:
        if name not in self._known:
            listed = ", ".join(self._names[:_MOST_LISTED]) + ", ..." * (len(self._names) > _MOST_LISTED)
            raise ValueError(f"expected the name of a signal ({listed}), got {name!r}")
        name = self._known[name]
        return _Part(self.variables.setdefault(name, f"x{len(self.variables)}"))

    def _condition(self, node: ast.expr) -> str:
        part = self.of(node)
        if part.constant is not None:
            raise ValueError(f"expected a condition such as 'speed == 0', got {_source(node)}")
        return part.code if part.is_condition else f"({part.code} != 0.0)"

    def _arithmetic(self, node: ast.BinOp) -> _Part:
        sign, function = _ARITHMETIC[type(node.op)]
        left, right = self.of(node.left), self.of(node.right)
        values = left.constant, right.constant
        if values[0] is not None and values[1] is not None:
            numbers = values[0], values[1]
            return _constant(node, lambda: function(*numbers))
        return _Part(f"({left.number} {sign} {right.number})")

    def _comparison(self, node: ast.Compare) -> _Part:
        left, right = self.of(node.left), self.of(node.comparators[0])
        if left.constant is not None and right.constant is not None:
            raise ValueError(f"expected a signal on one side of a comparison, got {_source(node)}")
        sign = _COMPARISONS[type(node.ops[0])]
        return _Part(f"({left.number} {sign} {right.number})", is_condition=True)

    def _call(self, node: ast.expr, name: str, arguments: list[ast.expr]) -> _Part:
        code, count, function = _FUNCTIONS[name]
        if len(arguments) != count:
            raise ValueError(f"expected {count} argument{'s' * (count > 1)} of {name}(), got {_source(node)}")
        parts = [self.of(argument) for argument in arguments]
        numbers = [part.constant for part in parts if part.constant is not None]
        if len(numbers) == count:
            return _constant(node, lambda: function(*numbers))
        return _Part(f"{code}({', '.join(part.number for part in parts)})")


def _constant(node: ast.expr, value: Callable[[], float]) -> _Part:
    try:
        number = float(value())
    except (ArithmeticError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"expected a finite number, got {_source(node)}")
    return _Part(f"({number!r})", constant=number)


def _source(node: ast.expr) -> str:
    return repr(_excerpt(ast.unparse(node)))


def _excerpt(text: str) -> str:
    return text if len(text) <= _EXCERPT else f"{text[:_EXCERPT]}..."
