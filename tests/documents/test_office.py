"""The form that office files' text has: numbers of lists, headings, tables, the order of slides."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from localqwq.documents.dispatch import extract
from localqwq.documents.extract import UnreadableError
from tests.documents.office_files import (
    paragraph,
    shape,
    write_docx,
    write_open_document,
    write_pptx,
    write_xlsx,
)

STYLES = (
    '<w:style w:styleId="berschrift1"><w:name w:val="heading 1"/></w:style>'
    '<w:style w:styleId="Clause"><w:name w:val="Clause"/><w:basedOn w:val="berschrift1"/>'
    '<w:pPr><w:numPr><w:numId w:val="2"/></w:numPr></w:pPr></w:style>'
    '<w:style w:styleId="Bullet"><w:pPr><w:numPr><w:numId w:val="1"/></w:numPr></w:pPr></w:style>'
)
NUMBERING = (
    '<w:abstractNum w:abstractNumId="7"><w:lvl w:ilvl="0"><w:numFmt w:val="bullet"/></w:lvl>'
    '<w:lvl w:ilvl="1"><w:numFmt w:val="bullet"/></w:lvl></w:abstractNum>'
    '<w:abstractNum w:abstractNumId="8"><w:lvl w:ilvl="0"><w:start w:val="3"/><w:numFmt '
    'w:val="decimal"/><w:lvlText w:val="§ %1"/></w:lvl><w:lvl w:ilvl="1"><w:numFmt '
    'w:val="lowerLetter"/><w:lvlText w:val="%1.%2)"/></w:lvl><w:lvl w:ilvl="2"><w:numFmt '
    'w:val="upperRoman"/><w:lvlText w:val="%3."/></w:lvl></w:abstractNum>'
    '<w:num w:numId="1"><w:abstractNumId w:val="7"/></w:num>'
    '<w:num w:numId="2"><w:abstractNumId w:val="8"/></w:num>'
)


def styled(text: str, style: str = "", number: int | None = None, level: int = 0) -> str:
    """A paragraph with a style, or as an item of a list."""
    properties = f'<w:pStyle w:val="{style}"/>' if style else ""
    if number is not None:
        properties += f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{number}"/></w:numPr>'
    return paragraph(text, properties)


def test_numbers_of_clauses_are_counted(tmp_path: Path) -> None:
    """The file holds only rules, and people say “clause 4”."""
    file = tmp_path / "a.docx"
    body = (
        styled("Rent", "Clause")
        + styled("monthly", number=2, level=1)
        + styled("in advance", number=2, level=1)
        + styled("of the year", number=2, level=2)
        + styled("Term", "Clause")
        + styled("a year", number=2, level=1)
        + styled("no number", "Clause", number=0)
        + styled("first", "Bullet")
        + styled("inner", number=1, level=1)
        + styled("Whole", "berschrift1")
    )
    write_docx(file, body, {"styles": STYLES, "numbering": NUMBERING})
    assert extract(file, "docx").text.split("\n") == [
        "# § 3 Rent", "", "  3.a) monthly", "  3.b) in advance", "    I. of the year", "",
        "# § 4 Term", "", "  4.a) a year", "", "# no number", "", "- first", "  - inner", "",
        "# Whole",
    ]  # fmt: skip


def test_a_table_is_a_table(tmp_path: Path) -> None:
    """With wide cells in their columns; a frame of one column is none."""
    file = tmp_path / "a.docx"

    def cell(text: str, span: int = 1) -> str:
        wide = f'<w:tcPr><w:gridSpan w:val="{span}"/></w:tcPr>'
        return f"<w:tc>{wide}{paragraph(text)}{paragraph('')}</w:tc>"

    def table(*rows: str) -> str:
        return f"<w:tbl>{''.join(f'<w:tr>{row}</w:tr>' for row in rows)}</w:tbl>"

    body = table(cell("a", 2) + cell("b"), cell("c") + cell("d\ne") + cell("f|g"))
    write_docx(file, body + table(cell("framed")))
    assert extract(file, "docx").text == (
        "| a |  | b |\n| --- | --- | --- |\n| c | d e | f\\|g |\n\nframed"
    )


def test_slides_come_in_the_order_in_which_they_are_shown(tmp_path: Path) -> None:
    """Not in that of the names of their parts; notes are with their slide."""
    file = tmp_path / "a.pptx"
    slides = {"slide2": shape("first") + shape("below"), "slide1": shape("second")}
    write_pptx(file, slides, {"notesSlide": shape("slowly")})
    assert extract(file, "pptx").text == (
        "## Slide 1\n\nfirst\nbelow\n\nNotes:\n\nslowly\n\n## Slide 2\n\nsecond"
    )


def test_lists_of_open_documents_are_numbered_where_they_are(tmp_path: Path) -> None:
    """By the style of the list and the level."""
    file = tmp_path / "a.odt"
    styles = (
        '<text:list-style style:name="L"><text:list-level-style-number text:level="1" '
        'style:num-format="1"/><text:list-level-style-bullet text:level="2"/></text:list-style>'
    )

    def item(text: str, inside: str = "") -> str:
        return f"<text:list-item><text:p>{text}</text:p>{inside}</text:list-item>"

    inner = f"<text:list>{item('inner')}</text:list>"
    body = f'<text:list text:style-name="L">{item("one", inner)}{item("two")}</text:list>'
    write_open_document(file, "text", body, styles)
    assert extract(file, "odt").text == "1. one\n  - inner\n2. two"


def test_a_sheet_keeps_its_columns(tmp_path: Path) -> None:
    """Of Open Document and of Office Open XML."""
    row = "<table:table-row>{}</table:table-row>"
    cell = "<table:table-cell><text:p>{}</text:p></table:table-cell>"
    gap = '<table:table-cell table:number-columns-repeated="2"/>'
    rows = row.format(cell.format("a") + gap + cell.format("d")) + row.format(cell.format("e"))
    body = f'<table:table table:name="S">{rows}</table:table>'
    write_open_document(tmp_path / "a.ods", "spreadsheet", body)
    read = extract(tmp_path / "a.ods", "ods").text
    assert read == "## S\n\n| a |  |  | d |\n| --- | --- | --- | --- |\n| e |  |  |  |"
    write_xlsx(
        tmp_path / "a.xlsx",
        '<row r="1"><c r="A1"><v>1</v></c><c r="C1"><v>3</v></c></row>'
        '<row r="2"><c r="B2"><v>5</v></c></row>',
    )
    read = extract(tmp_path / "a.xlsx", "xlsx").text
    assert "| 1 |  | 3 |\n| --- | --- | --- |\n|  | 5 |  |" in read


def trees(*tags: str) -> st.SearchStrategy[str]:
    """Elements within elements, whether that makes sense or not."""

    def around(inner: st.SearchStrategy[list[str]]) -> st.SearchStrategy[list[str]]:
        element = st.builds(
            lambda tag, inside: f"<{tag}>{''.join(inside)}</{tag.split()[0]}>",
            st.sampled_from(tags),
            inner,
        )
        return st.lists(element, max_size=4)

    return st.recursive(st.just(["x"]), around, max_leaves=20).map("".join)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    trees(
        *("w:p", "w:pPr", "w:pStyle w:val='a'", "w:r", "w:t", "w:tab", "w:tbl", "w:tr", "w:tc"),
        *("w:gridSpan w:val='3'", "w:hyperlink r:id='l'", "w:numPr", "w:ilvl w:val='9'", "w:ser"),
        *("w:footnote w:id='1'", "w:commentReference", "w:v", "mc:Fallback", "w:comment w:ref='A'"),
    )
)
def test_any_markup_of_a_word_processor_is_read(tmp_path: Path, body: str) -> None:
    """Elements in wrong places included; what is in paragraphs and seen is there."""
    write_docx(
        tmp_path / "a.docx", f"{body}<w:p><w:r><w:t>seen</w:t></w:r></w:p>", links={"l": "a:b"}
    )
    assert "seen" in extract(tmp_path / "a.docx", "docx").text


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    trees(
        *("text:p", "text:h text:outline-level='3'", "text:list", "text:list-item", "text:s"),
        *("table:table", "table:table-row", "table:table-cell office:value='2'", "draw:page"),
        *("table:covered-table-cell table:number-columns-repeated='9'", "office:annotation"),
        *("text:note", "text:note-citation", "text:note-body", "style:header", "text:a"),
    ),
    st.sampled_from(["text", "spreadsheet", "presentation"]),
)
def test_any_markup_of_an_open_document_is_read(tmp_path: Path, body: str, kind: str) -> None:
    """In the body and in the styles."""
    body += "<text:p>seen</text:p>"
    write_open_document(tmp_path / "a.odt", kind, body, master=body)
    assert "seen" in extract(tmp_path / "a.odt", "odt").text


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
@pytest.mark.parametrize("kind", ["docx", "pptx", "odt", "xlsx"])
def test_damage_anywhere_is_a_sentence(tmp_path: Path, kind: str, data: st.DataObject) -> None:
    """Bytes of a file that are others, or not there."""
    file = tmp_path / f"a.{kind}"
    match kind:
        case "docx":
            write_docx(file, paragraph("x"), {"header": paragraph("y")})
        case "pptx":
            write_pptx(file, {"slide1": shape("x")}, {"notesSlide": shape("y")})
        case "odt":
            write_open_document(file, "text", "<text:p>x</text:p>")
        case "xlsx":
            write_xlsx(file, '<row r="1"><c r="A1"><v>1</v></c></row>')
    content = bytearray(file.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    file.write_bytes(content[: data.draw(st.integers(len(content) // 2, len(content)))])
    try:
        extract(file, kind)
    except UnreadableError as error:
        assert str(error).startswith("it ")
