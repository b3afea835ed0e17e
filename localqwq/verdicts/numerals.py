"""Reading a number the way models write one."""

import re
import unicodedata
from fractions import Fraction

_NOISE = re.compile(
    r"\\(?:left|right|displaystyle|,|;|!|:|\s)|\\?[$%]|[~\s]|\*\*|"
    r"\\(?:text|textbf|mathbf|mathrm|mbox|boldsymbol|bf|rm)(?=\{)"
)
_UNIT = re.compile(r"\{[^{}0-9\\]*\}|\^\{?\\circ\}?|\\degree|°|\\circ")
_THOUSANDS = re.compile(r"(?<=\d)(?:,|\{,\})(?=\d{3}(?!\d))")
_FRACTION = re.compile(r"(-?)\\[dt]?frac\{?(-?\d+)\}?\{?(-?\d+)\}?")
_PLAIN = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:/\d+)?")


def number(text: str) -> Fraction | None:
    r"""Return the exact value of a text that is one number, or None if it is anything else.

    Understands signs, decimals, fractions (``3/4``, ``\frac{3}{4}``), separated thousands, other
    digits of Unicode, units in ``\text{…}``, degrees, and the last part of an equation.
    """
    text = unicodedata.normalize("NFKC", text).replace("−", "-").rsplit("=", 1)[-1]
    text = _UNIT.sub("", _NOISE.sub("", text))
    text = _THOUSANDS.sub("", text).rstrip(".")
    if (fraction := _FRACTION.fullmatch(text)) is not None:
        sign, above, below = fraction.groups()
        text = f"{sign}{above}/{below}" if not below.startswith("-") else ""
        text = text.replace("--", "")
    text = text.strip("{}")
    if not _PLAIN.fullmatch(text):
        return None
    above, _, below = text.partition("/")
    if below and not int(below):
        return None
    return Fraction(above.rstrip(".") or "0") / (int(below) if below else 1)
