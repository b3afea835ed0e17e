"""What models write beside CommonMark: tasks, notes, what can be opened, and entities."""

from localqwq.tui.text.markdown.document import Document


def lines_of(source: str, width: int = 40) -> list[str]:
    """The lines of an answer."""
    document = Document(source, complete=True)
    document.draw(width)
    return [line.plain.rstrip() for line in document.lines]


def test_tasks_have_boxes() -> None:
    """In place of a bullet, or beside a number; brackets elsewhere are brackets."""
    assert lines_of("- [ ] to do\n- [x] done\n- [X] done, too\n- [a] letter\n- [ ]\n") == [
        " ☐ to do",
        " ☑ done",
        " ☑ done, too",
        " • [a] letter",
        " • [ ]",
    ]
    assert lines_of("1. [ ] first\n2. [x] second with *style*") == [
        " 1. ☐ first",
        " 2. ☑ second with style",
    ]
    assert lines_of("- one\n  - [ ] inner task that is so long that it wraps") == [
        " • one",
        "    ☐ inner task that is so long that it",
        "      wraps",
    ]


def test_footnotes_stay_where_they_are() -> None:
    """The mark is the same at both places; what nothing refers to is shown as well."""
    source = "A fact[^1], another[^why].\n\n[^1]: The *source*.\n[^why]: Because.\n[^2]: Unused."
    assert lines_of(source) == [
        "A fact¹, another[why].",
        "",
        "¹ The source.",
        "[why] Because.",
        "² Unused.",
    ]
    assert lines_of("Not a note[^1], not [^a-z] either.") == ["Not a note[^1], not [^a-z] either."]


def test_a_note_may_have_several_paragraphs() -> None:
    """They are indented in the source, and on the screen."""
    source = "See[^1].\n\n[^1]: First.\n\n    Second.\n\nOn."
    assert lines_of(source) == ["See¹.", "", "¹ First.", "", "  Second.", "", "On."]


def test_details_stand_open() -> None:
    """Their title is seen, their frame is not; other HTML is as it is written."""
    title = "<details open><summary>Why &amp; <b>how</b></summary>"
    source = f"{title}\n\nHidden **text**.\n\n</details>\n\nOn."
    assert lines_of(source) == ["▾ Why & how", "", "Hidden text.", "", "On."]
    inside = "<details>\n<summary>Title</summary>\nPlain <i>text</i>.\n</details>"
    assert lines_of(inside) == ["▾ Title", "Plain <i>text</i>."]
    assert lines_of("<div>\n<script>\n</div>") == ["<div>", "<script>", "</div>"]


def test_entities_hide_nothing() -> None:
    """They stand for any character, and are read after the text was looked through."""
    assert lines_of("a &copy; &#x202e;b &#8203;c") == ["a © �b �c"]
    assert lines_of("<summary>&#x202e;x</summary>") == ["▾ �x"]
