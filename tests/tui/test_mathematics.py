"""Formulas become readable, and nothing else changes."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from localqwq.tui.text.mathematics import formulas, readable
from localqwq.tui.text.tex.display import drawn, on_one_line

TEX = st.recursive(
    st.one_of(
        st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,2})?", fullmatch=True),
        st.sampled_from(
            ["x", "ab", " + ", " - ", "=", r"\cdot ", r"\le ", r"\pi", r"\alpha ", ","]
        ),
    ),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=4).map("".join),
        st.tuples(inner, inner).map(lambda pair: rf"\frac{{{pair[0]}}}{{{pair[1]}}}"),
        inner.map(lambda tex: rf"\sqrt{{{tex}}}"),
        inner.map(lambda tex: rf"x^{{{tex}}}"),
        inner.map(lambda tex: rf"a_{{{tex}}}"),
        inner.map(lambda tex: rf"\boxed{{{tex}}}"),
        inner.map(lambda tex: rf"\text{{{tex}}}"),
    ),
    max_leaves=8,
)
"""Formulas that are understood."""
ANYTHING = st.text(alphabet="\\()[]{}$`^_ab1 \n&#fracboxed", max_size=80)


def digits(text: str) -> str:
    """The digits of a text in their order, raised and lowered ones among them."""
    return "".join(re.findall(r"\d", unicodedata.normalize("NFKC", text)))


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        (r"\( \frac{1}{2} + x^2 = 3 \)", "1/2 + x² = 3"),
        (r"$a_1 \le b^{n+1}$", "a₁ ≤ bⁿ⁺¹"),
        (r"\[ \boxed{42} \]", "▕42▏"),
        (r"\boxed{\text{B}}", "▕B▏"),
        (r"$$\sum_{i=1}^{n} i = \frac{n(n+1)}{2}$$", "∑ᵢ₌₁ⁿ i = n(n+1)/2"),
        (r"\(2\frac{1}{2}\)", "2 1/2"),
        (r"\(\frac{a+b}{cd}x\)", "((a+b)/(cd))x"),
        (r"\(\sqrt{2} \cdot \sqrt[3]{a+b}\)", "√2 · ³√(a+b)"),
        (r"\(\lim_{x\to 0} \frac{\sin x}{x}\)", "lim[x→0] (sin x)/x"),
        (r"\(\mathbb{R}^n, 90^\circ, x^{2/3}\)", "ℝⁿ, 90°, x^(2/3)"),
        (r"\(\$5 \times 3 = \$15\)", "$5 × 3 = $15"),
        (r"\(\begin{aligned} a &= b \\ c &= d \end{aligned}\)", "a = b\nc = d"),
        (r"\(a \equiv b \pmod{7}\)", "a ≡ b (mod 7)"),
        (r"\(\left( \frac{1}{2} \right)^2\)", "(1/2)²"),
        (r"\(\overline{x} \neq \vec{v}\)", "x\u0305 ≠ v\u20d7"),
    ],
)
def test_formulas_read_well(source: str, shown: str) -> None:
    """What models write in answers to mathematical questions."""
    assert readable(f"so {source}.") == f"so {shown}."


@pytest.mark.parametrize(
    "text",
    [
        "It costs $5 and $6.",
        "From $5 to $10, or 3$.",
        "`\\(x^2\\)` and ``$a$``",
        "```\n\\(x^2\\)\n```",
        "~~~tex\n$x^2$\n~~~\n",
        "\\$x$ and \\\\(x\\\\)",
        r"\(x",
        r"\frac{1}{2}",
        r"\( \begin{tikzpicture} 1 & 2 \end{tikzpicture} \)",
        r"\( {x \)",
        "$a\n\nb$",
    ],
)
def test_what_is_no_formula_stays(text: str) -> None:
    """Money, code, open delimiters, and what is not understood."""
    assert readable(text) == text


@given(st.text(alphabet=st.characters(exclude_characters="\\$"), max_size=200))
def test_text_without_delimiters_is_unchanged(text: str) -> None:
    """Whatever else is in it."""
    assert readable(text) == text
    assert not list(formulas(text))


@given(ANYTHING)
def test_anything_can_be_read_and_twice_is_once(text: str) -> None:
    """No text raises, and what was made readable stays as it is."""
    once = readable(text)
    assert readable(once) == once


@given(TEX, st.sampled_from([(r"\(", r"\)"), (r"\[", r"\]"), ("$$", "$$")]))
def test_no_digit_is_lost(tex: str, delimiters: tuple[str, str]) -> None:
    """An exponent may move up, but its digits are all there, in their order."""
    opening, closing = delimiters
    shown = readable(f"{opening}{tex}{closing}")
    assert digits(shown) == digits(tex)
    if tex.strip():
        assert opening not in shown


@given(st.text(alphabet="\\{}^_[]()12ab frc&~'", max_size=60))
def test_any_tex_has_an_answer(tex: str) -> None:
    """Readable or not, but no error."""
    shown, drawing = on_one_line(tex), drawn(tex)
    assert shown is None or isinstance(shown, str)
    assert drawing is None or len({cell_len(line) for line in drawing.lines}) == 1


def test_deep_groups_are_left_alone() -> None:
    """No formula is so deep that the stack ends."""
    deep = "{" * 5_000 + "}" * 5_000
    assert on_one_line(deep) is None
    assert on_one_line(r"\sqrt" * 5_000) is None
