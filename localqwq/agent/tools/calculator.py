"""The calculator: exact arithmetic on an expression, without evaluating it as code."""

import ast
import math
import operator
from collections.abc import Callable
from fractions import Fraction
from typing import Annotated

from pydantic import Field

from localqwq.agent.functions import function_tool
from localqwq.agent.tool import AgentTool, ToolFailed

_LONGEST = 2_000
"""Characters of an expression."""
_BITS = 14_000
"""Bits of a numerator or denominator: Python converts at most 4,300 digits to text."""
_DIGITS = 30
"""Digits after the point of a result that has no end."""
_SIGNS = str.maketrans({"×": "*", "·": "*", "÷": "/", "−": "-", "–": "-", "^": "**"})

Number = Fraction | float

_OPERATORS: dict[type[ast.operator], Callable[[Number, Number], Number]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: lambda a, b: Fraction(a // b),
    ast.Mod: operator.mod,
}
_FUNCTIONS: dict[str, Callable[..., Number]] = {
    "abs": abs,
    "min": min,
    "max": max,
    "round": lambda value, digits=Fraction(0): Fraction(round(Fraction(value), int(digits))),
    "floor": lambda value: Fraction(math.floor(value)),
    "ceil": lambda value: Fraction(math.ceil(value)),
    "gcd": lambda *values: Fraction(math.gcd(*map(_whole, values))),
    "lcm": lambda *values: Fraction(math.lcm(*map(_whole, values))),
    "sqrt": lambda value: _root(value),
    "factorial": lambda value: Fraction(math.factorial(_small(value))),
    **{
        name: getattr(math, name)
        for name in ("sin", "cos", "tan", "asin", "acos", "atan", "exp", "log", "log2", "log10")
    },
}
_CONSTANTS: dict[str, Number] = {"pi": math.pi, "e": math.e}


def calculator(
    expression: Annotated[
        str, Field(description="The expression to calculate, for example 12 * 34.")
    ],
) -> str:
    """Calculate the value of an arithmetic expression."""
    return _text(value_of(expression))


def value_of(expression: str) -> Number:
    """Return the value of an expression: exact, unless a function has no exact value.

    Raises :class:`ToolFailed` with a sentence for the model.
    """
    if len(expression) > _LONGEST:
        raise ToolFailed(f"The expression is longer than {_LONGEST} characters.")
    try:
        tree = ast.parse(expression.translate(_SIGNS).strip(), mode="eval")
        value = _value(tree.body)
    except ZeroDivisionError:
        raise ToolFailed("The expression divides by zero.") from None
    except (SyntaxError, RecursionError, MemoryError):
        raise ToolFailed(f"{expression!r} is not an arithmetic expression.") from None
    except (ValueError, OverflowError, TypeError) as error:
        raise ToolFailed(f"{expression!r} cannot be calculated: {error}.") from None
    if isinstance(value, float) and not math.isfinite(value):
        raise ToolFailed(f"{expression!r} has no finite value.")
    return value


def _value(node: ast.expr) -> Number:
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return _bounded(Fraction(str(value)))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _value(operand)
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return _power(_value(left), _value(right))
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _OPERATORS:
            return _bounded(_OPERATORS[type(sign)](_value(left), _value(right)))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in _FUNCTIONS:
            return _bounded(_FUNCTIONS[name](*map(_value, arguments)))
        case ast.Name(id=name) if name in _CONSTANTS:
            return _CONSTANTS[name]
    raise ToolFailed(f"{ast.unparse(node)!r} is not arithmetic that this calculator knows.")


def _power(base: Number, exponent: Number) -> Number:
    if isinstance(base, Fraction) and isinstance(exponent, Fraction) and exponent.denominator == 1:
        bits = max(base.numerator.bit_length(), base.denominator.bit_length())
        if bits * abs(exponent.numerator) > _BITS:
            raise ToolFailed("The power is too large.")
        return Fraction(base**exponent.numerator)
    if base < 0:
        raise ToolFailed("The power is not a real number.")
    return math.pow(base, exponent)


def _bounded(value: Number) -> Number:
    if isinstance(value, int):
        value = Fraction(value)
    if isinstance(value, Fraction):
        size = max(value.numerator.bit_length(), value.denominator.bit_length())
        if size > _BITS:
            raise ToolFailed("A number of the calculation is too large.")
    return value


def _whole(value: Number) -> int:
    if value != int(value):
        raise ToolFailed(f"{_text(value)} is not a whole number.")
    return int(value)


def _small(value: Number) -> int:
    if not 0 <= value <= 1_000:
        raise ToolFailed("Factorials are calculated from 0 to 1000.")
    return _whole(value)


def _root(value: Number) -> Number:
    if value < 0:
        raise ToolFailed("The square root of a negative number is not real.")
    if isinstance(value, Fraction):
        root = Fraction(math.isqrt(value.numerator), math.isqrt(value.denominator))
        if root * root == value:
            return root
    return math.sqrt(value)


def _text(value: Number) -> str:
    """Return a number as text: all digits if it ends, else rounded, with a sign that it is."""
    if isinstance(value, float):
        return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)
    if value.denominator == 1:
        return str(value.numerator)
    scaled, rest = divmod(abs(value.numerator) * 10**_DIGITS, value.denominator)
    whole, part = divmod(scaled, 10**_DIGITS)
    sign = "-" if value < 0 else ""
    digits = f"{part:0{_DIGITS}d}"
    return f"{sign}{whole}.{digits}…" if rest else f"{sign}{whole}.{digits.rstrip('0')}"


TOOL: AgentTool = function_tool(calculator)
