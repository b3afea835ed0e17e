"""Code is highlighted line by line, and the same however it came."""

from textual.content import Span

from localqwq.tui.text.markdown.code import code_lines, ends_clear
from localqwq.tui.text.markdown.document import SHORT, Document

FUNCTION = '''
def f{0}(x):
    """Say what it does,
    and # how, in 'several' lines.
    """
    return x * {0} + "text"  # why
'''


def styles(code: str, language: str, text: str) -> list[str]:
    """The styles of the first place where this text is, ground and base left out."""
    for line in code_lines(code, language, 60):
        at = line.plain.find(text)
        if at >= 0:
            found = [span for span in line.spans if span.start <= at and at + len(text) <= span.end]
            return [span.style for span in found[2:] if span.style and type(span.style) is str]
    raise AssertionError(text)


def test_tokens_have_their_styles() -> None:
    """Also behind tabs, within strings of several lines, and in an unknown language."""
    code = "\tif x:\n\t\treturn '''a\nb''', 42\n\n"
    assert styles(code, "python", "return") == styles("return", "python", "return") != []
    assert styles(code, "python", "b'''") == styles("'a'", "python", "'a'") != []
    assert styles(code, "python", "42") == styles("42", "python", "42") != []
    assert styles("return", "no such language", "return") == []
    assert [line.plain.rstrip() for line in code_lines(code, "python", 60)] == [
        "     if x:",
        "         return '''a",
        " b''', 42",
        "",
        "",
    ]


def test_neighbours_of_one_style_are_one() -> None:
    """What is drawn as one piece costs as one."""
    (line,) = code_lines("x = 'a text'", "python", 30)
    assert [line.plain[a:b] for a, b, _ in line.spans if b - a < 20 and line.plain[a:b]] == [
        " x = 'a text'"[1:],
        "x",
        "=",
        "'a text'",
    ]


def test_where_code_can_be_cut() -> None:
    """Outside of strings and comments of several lines."""
    assert ends_clear("x = 1\n", "python")
    assert not ends_clear("x = '''a\n", "python")
    assert ends_clear("x = '''a\nb'''\n", "python")
    assert not ends_clear("/* a\n", "c")
    assert ends_clear("'''", "")


def test_a_long_block_is_right_though_it_came_in_pieces() -> None:
    """And when it ends nothing of it is made again: nobody waits for that."""
    code = "".join(FUNCTION.format(n) for n in range(200))
    assert len(code) > SHORT
    growing = Document()
    for start in range(0, len(code), 37):
        growing.append(("```python\n" if not start else "") + code[start : start + 37])
        growing.draw(60)
    lines = growing.lines[:-5]
    growing.append("```\n\nDone.\n")
    growing.draw(60)
    assert all(now is before for now, before in zip(growing.lines, lines, strict=False))
    growing.complete()
    growing.draw(60)
    whole = Document(f"```python\n{code}```\n\nDone.\n", complete=True)
    whole.draw(60)
    assert len(growing.lines) == len(whole.lines)
    assert all(a.is_same(b) for a, b in zip(growing.lines, whole.lines, strict=True))
    assert growing.blocks == whole.blocks


def test_a_string_without_an_end_is_settled_after_a_while() -> None:
    """So that it does not cost more the longer it gets; at its end all is right."""
    source = "```python\nx = '''\n" + "no # comment\n" * 2_000
    growing = Document()
    for start in range(0, len(source), 200):
        growing.append(source[start : start + 200])
        growing.draw(60)
    assert growing.settled > 1_500
    growing.append("'''\n```\n")
    growing.complete()
    growing.draw(60)
    whole = Document(growing.source, complete=True)
    whole.draw(60)
    assert all(a.is_same(b) for a, b in zip(growing.lines, whole.lines, strict=True))


def test_spans_do_not_pass_the_line() -> None:
    """Whatever is in it."""
    for line in code_lines("a\tb = 'ü日'\n# " + "long " * 30, "python", 40):
        assert line.cell_length == 40
        assert all(isinstance(span, Span) and span.end <= len(line.plain) for span in line.spans)
