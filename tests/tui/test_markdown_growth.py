"""A document that grew piece by piece looks as one that was there at once."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from localqwq.tui.text.markdown.document import Document
from localqwq.tui.text.markdown.layout import BULLETS

WORDS = st.lists(
    st.sampled_from(
        [
            "word",
            "longer",
            "**bold**",
            "*it*",
            "`code`",
            r"\(x^2\)",
            "$a_1$",
            "$5",
            "a|b",
            "1.",
            "–",
        ]
    ),
    min_size=1,
    max_size=12,
).map(" ".join)


def _indented(lines: str, by: str) -> str:
    return "\n".join(by + line if line else line for line in lines.split("\n"))


@st.composite
def lists(draw: st.DrawFn, inner: st.SearchStrategy[str]) -> str:
    """Items with one marker, with or without lines between them."""
    marker = draw(st.sampled_from(["- ", "* ", "1. ", "{n}. ", "{n}) ", "- [ ] ", "{n}. [x] "]))
    gap = draw(st.sampled_from(["\n", "\n\n"]))
    items = []
    for n in range(draw(st.integers(1, 3)), draw(st.integers(4, 12))):
        own = marker.format(n=n).partition("[")[0]
        box = marker.format(n=n)[len(own) :]
        body = draw(WORDS)
        if draw(st.integers(0, 3)) == 0:
            body += gap + draw(inner)
        items.append(own + box + _indented(body, " " * len(own)).lstrip(" "))
    return gap.join(items)


FENCES = st.tuples(
    st.sampled_from(["```python", "```", "~~~~", "```text"]),
    st.lists(
        st.sampled_from(["x = 1", "", "    y = f(2)  # why", '"""', "- no list", "| no | table |"]),
        max_size=30,
    ),
).map(lambda fence: "\n".join([fence[0], *fence[1], fence[0].rstrip("pythonex")]))
TABLES = st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=15).map(
    lambda rows: (
        "| a | b |\n|---|--:|\n"
        + "\n".join(
            "| " + " | ".join(cell.replace("|", "/") for cell in row) + " |" for row in rows
        )
    )
)
PARAGRAPHS = st.lists(WORDS.map(lambda text: f"The {text}."), min_size=1, max_size=40).map(" ".join)
OTHERS = st.sampled_from(
    [
        "# Heading",
        "---",
        "Title\n===",
        "\\[\nx = 1\n\\]",
        "\\begin{align*}\na &= \\frac{b+c}{d} \\\\\ne &= f\n\\end{align*}",
        "\\[\nx = 1\n= 2",
        "<b>html</b>",
        "<details><summary>Why</summary>\n\nBecause.\n\n</details>",
        "A fact[^1].\n\n[^1]: The *source*.\n[^2]: Another.",
    ]
)
LEAVES = st.one_of(PARAGRAPHS, FENCES, TABLES, OTHERS, WORDS)
BLOCKS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(lists(inner), inner.map(lambda text: _indented(text, "> "))),
    max_leaves=4,
)
SOURCES = st.lists(BLOCKS, min_size=1, max_size=5).map("\n\n".join)


def grown(source: str, pieces: int, width: int) -> Document:
    """The document after it came in about so many pieces."""
    document = Document()
    step = len(source) // pieces + 1
    for start in range(0, len(source), step):
        document.append(source[start : start + step])
        document.draw(width)
    document.complete()
    document.draw(width)
    return document


def at_once(source: str, width: int) -> Document:
    """The document as a whole."""
    document = Document(source, complete=True)
    document.draw(width)
    return document


def same(source: str, pieces: int, width: int) -> None:
    """Both have the same lines with the same styles, and the same blocks."""
    one, other = grown(source, pieces, width), at_once(source, width)
    assert [line.plain for line in one.lines] == [line.plain for line in other.lines]
    assert all(map(lambda a, b: a.is_same(b), one.lines, other.lines))
    assert one.blocks == other.blocks


@settings(max_examples=30)
@given(SOURCES, st.integers(2, 40), st.integers(20, 80))
@example("| a | b |\n|---|---|\n" + "| x | yy |\n" * 40 + "\n\nThe end.", 40, 60)
@example("\n".join(f"{n}. item\n   - inner {n}" for n in range(1, 60)), 25, 40)
@example("1. long\n\n" + "\n".join(f"   - item {n}" for n in range(90)) + "\n2. next", 30, 40)
@example("```python\nx = '''\n" + "text # no comment\n" * 60 + "'''\n```\n", 30, 60)
def test_pieces_make_the_same_document(source: str, step: int, width: int) -> None:
    """Wherever it was cut."""
    same(source, step, width)


def test_a_link_may_be_defined_at_the_end() -> None:
    """Settled lines are made again when they turn out to have a link."""
    source = "See [this].\n\n" + "word " * 400 + "\n\n[this]: http://example.org\n"
    same(source, 50, 60)
    assert at_once(source, 60).lines[0].plain == "See this."


def test_a_long_list_keeps_its_numbers() -> None:
    """Also when the author began each item with 1."""
    source = "\n".join(["1. item"] * 120)
    lines = [line.plain for line in grown(source, 40, 40).lines]
    assert [int(line.split(".")[0]) for line in lines] == list(range(1, 121))


def test_another_width_lays_out_everything() -> None:
    """As if it had always been so wide."""
    source = "\n\n".join(["word " * 40] * 20)
    document = grown(source, 30, 70)
    document.draw(33)
    assert [line.plain for line in document.lines] == [
        line.plain for line in at_once(source, 33).lines
    ]
    assert max(line.cell_length for line in document.lines) <= 33


def test_blocks_know_where_they_are() -> None:
    """Lines and source of each block."""
    source = "Hello.\n\n- a\n- b\n\n```py\nx = 1\n```\n"
    document = at_once(source, 40)
    shown = [
        (block.kind, source[block.start : block.end].strip(), document.lines[block.first].plain)
        for block in document.blocks
    ]
    assert shown == [
        ("paragraph", "Hello.", "Hello."),
        ("bullet_list", "- a\n- b", f" {BULLETS[0]} a"),
        ("fence", "```py\nx = 1\n```", " py".ljust(40)),
    ]
    assert all(
        a.last + 1 == b.first for a, b in zip(document.blocks, document.blocks[1:], strict=False)
    )
