"""Words in against words out: whatever a person sees in a document, the model reads."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from html import escape
from pathlib import Path

import pytest

from localqwq.documents.dispatch import extract
from tests.documents.office_files import (
    drawn,
    paragraph,
    shape,
    write_docx,
    write_epub,
    write_open_document,
    write_pptx,
    write_xlsx,
)
from tests.documents.pdf_files import Line, write_pdf

SIGNS = 'R&D: 1 < 2 > 0, größer, a_b, "so".'
TEXT = "the quick brown fox jumps over the lazy dog and runs away again"

Maker = Callable[[Path], str]
"""Writes a document and returns what a person sees in it, in any order."""

MAKERS: dict[str, Maker] = {}


def maker(name: str) -> Callable[[Maker], Maker]:
    """Names the file of a document."""

    def add(function: Maker) -> Maker:
        MAKERS[name] = function
        return function

    return add


def words(text: str) -> Counter[str]:
    """How often each word is there; signs that may be lost on the way count as such."""
    return Counter(re.findall(r"[\w&<>]+", text))


def pages(path: Path, *lines: list[Line]) -> str:
    """Writes a PDF and returns its lines."""
    write_pdf(path, lines)
    return "\n".join(line[3] for page in lines for line in page)


def column(x: float, top: float, texts: Iterator[str] | list[str], step: float = 14) -> list[Line]:
    """Lines below each other."""
    return [(x, top - step * place, 11.0, text) for place, text in enumerate(texts)]


@maker("two-columns.pdf")
def _(path: Path) -> str:
    left = column(50, 800, [f"left {n}" for n in range(10)])
    return pages(path, left + column(300, 800, [f"right {n}" for n in range(10)]))


@maker("letter.pdf")
def _(path: Path) -> str:
    head: list[Line] = [(50, 800, 11, "ACME GmbH"), (50, 786, 11, "Street 5"), (400, 800, 9, SIGNS)]
    foot: list[Line] = [(50, 40, 8, "IBAN DE12"), (300, 40, 8, "Tax 77/3")]
    return pages(path, head + column(50, 700, [f"{TEXT} {n}" for n in range(12)]) + foot)


@maker("running-headers.pdf")
def _(path: Path) -> str:
    return pages(
        path,
        *(
            [
                (50.0, 815.0, 9.0, "Running header"),
                *column(50, 780, [f"{TEXT} {page} {n}" for n in range(45)]),
                (50.0, 30.0, 9.0, f"Page {page} of 4"),
            ]
            for page in range(1, 5)
        ),
    )


@maker("paper.pdf")
def _(path: Path) -> str:
    left = column(60, 740, [f"left {n}" for n in range(50)], 12)
    right = column(320, 740, [f"right {n}" for n in range(50)], 12)
    title: list[Line] = [(60, 800, 18, "A title"), (60, 775, 11, "Its authors")]
    return pages(path, *([*title, *left, *right, (290.0, 30.0, 8.0, f"{n}")] for n in range(3)))


@maker("table.pdf")
def _(path: Path) -> str:
    cells = [
        (50.0 + 100 * x, 750.0 - 16 * y, 10.0, f"r{y}c{x}") for y in range(30) for x in range(5)
    ]
    return pages(path, cells)


@maker("sparse.pdf")
def _(path: Path) -> str:
    return pages(path, [(50, 780, 12, "First"), (50, 100, 12, "Last")], [(5, 5, 6, "Corner")])


@maker("code.pdf")
def _(path: Path) -> str:
    return pages(
        path, [(50.0 + 10 * (n % 3), 780.0 - 11 * n, 9.0, f"if x == {n}: y") for n in range(50)]
    )


@maker("repeated-lines.pdf")
def _(path: Path) -> str:
    return pages(path, column(50, 780, ["Same line of text"] * 5 + [SIGNS]))


@maker("notes-and-fields.pdf")
def _(path: Path) -> str:
    lines: list[Line] = [(50, 780, 12, "Application")]
    write_pdf(path, [lines], notes=["Sign here"], fields=[("surname", "Müller"), ("born", "1970")])
    return "Application\nSign here\nsurname Müller\nborn 1970"


@maker("body.docx")
def _(path: Path) -> str:
    cells = "".join(f"<w:tc>{paragraph(text)}</w:tc>" for text in ("cell|one", SIGNS))
    nested = f"<w:tbl><w:tr><w:tc>{paragraph('nested')}</w:tc></w:tr></w:tbl>"
    table = f"<w:tbl><w:tr>{cells}</w:tr><w:tr><w:tc>{paragraph('x')}{nested}</w:tc></w:tr></w:tbl>"
    body = paragraph(SIGNS) + table + paragraph("Name:\tMüller\nStreet 5") + paragraph("same") * 3
    write_docx(path, body)
    return f"{SIGNS}\ncell one\n{SIGNS}\nx nested\nName: Müller\nStreet 5\nsame same same"


@maker("beside.docx")
def _(path: Path) -> str:
    notes = {
        "header": paragraph("Letter of ACME"),
        "footer": paragraph("IBAN\tDE12"),
        "footnotes": f'<w:footnote w:id="2">{paragraph("below")}</w:footnote>',
        "endnotes": f'<w:endnote w:id="2">{paragraph("behind")}</w:endnote>',
        "comments": f'<w:comment w:id="0">{paragraph("why " + SIGNS)}</w:comment>',
        "diagramData": drawn("Start then end"),
        "chart": f"<c:tx>{drawn('Sales')}</c:tx><c:ser><c:cat><c:pt><c:v>May</c:v></c:pt></c:cat>"
        "<c:val><c:pt><c:v>17</c:v></c:pt></c:val></c:ser>",
    }
    write_docx(path, paragraph("Letter of ACME"), notes)
    lines = ("Letter of ACME\n" * 2, "IBAN DE12", "below", "behind", "why", SIGNS)
    return "\n".join((*lines, "Start then end", "Sales May 17"))


@maker("boxes.docx")
def _(path: Path) -> str:
    old = "<w:pict><v:textbox><w:txbxContent>{}</w:txbxContent></v:textbox></w:pict>"
    new = "<w:drawing><wps:txbx><w:txbxContent>{}</w:txbxContent></wps:txbx></w:drawing>"
    both = (
        f'<mc:AlternateContent><mc:Choice Requires="wps">{new}</mc:Choice>'
        f"<mc:Fallback>{old}</mc:Fallback></mc:AlternateContent>"
    )
    inside = {"old": old, "new": new, "both": both}
    boxes = {name: box.replace("{}", paragraph(f"in {name}")) for name, box in inside.items()}
    lines = (f"<w:p><w:r><w:t>at {name}</w:t>{box}</w:r></w:p>" for name, box in boxes.items())
    write_docx(path, "".join(lines))
    return "\n".join(f"at {name} in {name}" for name in inside)


@maker("changes.docx")
def _(path: Path) -> str:
    write_docx(
        path,
        "<w:p><w:ins><w:r><w:t>added </w:t></w:r></w:ins><w:del><w:r><w:delText>gone</w:delText>"
        '</w:r></w:del><w:hyperlink r:id="l1"><w:r><w:t>here</w:t></w:r></w:hyperlink>'
        "<w:sdt><w:sdtContent><w:r><w:t> chosen</w:t></w:r></w:sdtContent></w:sdt>"
        "<w:r><w:noBreakHyphen/><w:t>hyphen</w:t></w:r><m:oMath><m:r><m:t> x+y</m:t></m:r>"
        "</m:oMath></w:p><w:sdt><w:sdtContent>" + paragraph("block") + "</w:sdtContent></w:sdt>",
        links={"l1": "https://example.org/page"},
    )
    return "added here https example org page chosen hyphen x y block"


@maker("slides.pptx")
def _(path: Path) -> str:
    row = "".join(f"<a:tc><a:txBody>{drawn(text)}</a:txBody></a:tc>" for text in ("a", SIGNS))
    table = f"<p:graphicFrame><a:tbl><a:tr>{row}</a:tr></a:tbl></p:graphicFrame>"
    group = f"<p:grpSp>{shape('grouped')}<p:grpSp>{shape('deeper')}</p:grpSp></p:grpSp>"
    write_pptx(path, {"slide2": shape(SIGNS) + table, "slide1": group}, {})
    return f"{SIGNS}\na {SIGNS}\ngrouped deeper"


@maker("notes.pptx")
def _(path: Path) -> str:
    comment = f'<p:cm authorId="0"><p:text>{escape(SIGNS)}</p:text></p:cm>'
    chart = "<c:ser><c:val><c:pt><c:v>4.5</c:v></c:pt></c:val></c:ser>"
    beside = {"notesSlide": shape("say it slowly"), "comments": comment, "chart": chart}
    write_pptx(path, {"slide1": shape("title")}, beside | {"diagramData": drawn("steps")})
    return f"title\nsay it slowly\n{SIGNS}\n4 5\nsteps"


@maker("cells.xlsx")
def _(path: Path) -> str:
    write_xlsx(
        path,
        f'<row r="1"><c r="A1" t="inlineStr"><is><t>{escape(SIGNS)}</t></is></c>'
        '<c r="B1" t="s"><v>0</v></c><c r="C1"><v>4711</v></c></row><row r="3" hidden="1">'
        '<c r="A3" t="s"><v>1</v></c><c r="F3" t="str"><f>A1</f><v>kept</v></c>'
        '<c r="G3" t="e"><v>#DIV/0!</v></c></row>',
        shared=f"<si><t>{escape(SIGNS)}</t></si><si><r><t>ri</t></r><r><t>ch</t></r></si>",
    )
    return f"{SIGNS} {SIGNS} 4711 rich kept DIV 0 Costs & gains Second hidden"


@maker("beside.xlsx")
def _(path: Path) -> str:
    write_xlsx(
        path,
        '<row r="1"><c r="A1"><v>3</v></c><c r="B1"><f>SUM(A1:A9)&amp;"x"</f></c>'
        '<c r="C1" s="0"><f t="array" ref="C1">MAX(A1)</f><v></v></c>'
        '<c r="D1"><f t="shared" si="0"/></c><c r="E1"><f t="shared" si="0"/><v>8</v></c></row>',
        comments=f'<comment ref="A1"><text><r><t>{escape(SIGNS)}</t></r></text></comment>',
        boxes=f"<d:sp><d:txBody>{drawn('in a box')}</d:txBody></d:sp>",
    )
    return f"3 B1 SUM A1 A9 & x C1 MAX A1 D1 8 {SIGNS} in a box hidden"


@maker("text.odt")
def _(path: Path) -> str:
    write_open_document(
        path,
        "text",
        f"<text:h>Head</text:h><text:p>{escape(SIGNS)}<text:note><text:note-citation>1"
        "</text:note-citation><text:note-body><text:p>below</text:p></text:note-body></text:note>"
        "<office:annotation><dc:creator>A</dc:creator><text:p>why</text:p></office:annotation>"
        "</text:p><text:p>a<text:tab/>b<text:line-break/>c<text:s/>d</text:p>"
        "<text:list><text:list-item><text:p>item</text:p><text:list><text:list-item><text:p>inner"
        "</text:p></text:list-item></text:list></text:list-item></text:list>"
        '<text:p><text:a xlink:href="https://example.org/">link</text:a></text:p>'
        "<text:p><draw:frame><draw:text-box><text:p>in a box</text:p></draw:text-box></draw:frame>"
        "</text:p><text:section><text:p>section</text:p></text:section><table:table>"
        "<table:table-row><table:table-cell><text:p>one</text:p></table:table-cell>"
        "<table:table-cell><text:p>two</text:p></table:table-cell></table:table-row></table:table>",
        master="<style:header><text:p>above</text:p></style:header>"
        "<style:footer><text:p>IBAN</text:p></style:footer>",
    )
    return f"Head {SIGNS} below why a b c d item inner link in a box section one two above IBAN"


@maker("cells.ods")
def _(path: Path) -> str:
    def cell(inside: str = "", attributes: str = "") -> str:
        return f"<table:table-cell {attributes}>{inside}</table:table-cell>"

    comment = "<office:annotation><text:p>why</text:p></office:annotation>"
    rows = (
        cell(f"<text:p>{escape(SIGNS)}</text:p>") + cell(f"{comment}<text:p>1.234,50</text:p>"),
        cell("", 'table:formula="of:=SUM(1)"') + cell("", 'office:value="77"'),
        cell("<text:p>twice</text:p>", 'table:number-columns-repeated="2"')
        + cell("", 'table:number-columns-repeated="16000"'),
    )
    table = "".join(f"<table:table-row>{row}</table:table-row>" for row in rows)
    empty = f'<table:table-row table:number-rows-repeated="1048000">{cell()}</table:table-row>'
    body = f'<table:table table:name="Costs">{table}{empty}</table:table>'
    write_open_document(path, "spreadsheet", body)
    return f"Costs {SIGNS} why 1 234 50 SUM 1 77 twice twice"


@maker("slides.odp")
def _(path: Path) -> str:
    box = "<draw:frame><draw:text-box><text:p>{}</text:p></draw:text-box></draw:frame>"
    write_open_document(
        path,
        "presentation",
        f"<draw:page>{box.format(escape(SIGNS))}<draw:g>{box.format('grouped')}</draw:g>"
        f"<presentation:notes>{box.format('slowly')}</presentation:notes></draw:page>"
        f"<draw:page><draw:custom-shape><text:p>shape</text:p></draw:custom-shape></draw:page>",
    )
    return f"{SIGNS} grouped slowly shape"


@maker("book.epub")
def _(path: Path) -> str:
    write_epub(path, {"b": f"<h1>Begin</h1><p>{escape(SIGNS)}</p>", "a": "<nav><p>end</p></nav>"})
    return f"Begin {SIGNS} end"


@maker("page.html")
def _(path: Path) -> str:
    path.write_text(
        "<!DOCTYPE html><html><head><title>Title</title></head><body><header>above<nav>menu</nav>"
        f"</header><h1>Head</h1><p>{escape(SIGNS)} un<b>believ</b>able</p><ul><li>item<ul><li>inner"
        "</ul></ul><table><caption>named</caption><tr><th>one<td><p>two</p></table>"
        "<form><label>Name</label><input value=Smith><textarea>area</textarea><select><option>A"
        "<option>B</select></form><div style='display:none'>folded</div><pre>x\n  y</pre><img "
        "alt=picture><noscript>plain</noscript><footer>below</footer>",
        encoding="utf-8",
    )
    return (
        f"Title above menu Head {SIGNS} unbelievable item inner named one two Name Smith area A B "
        "folded x y picture plain below"
    )


@maker("page-in-cyrillic.html")
def _(path: Path) -> str:
    page = '<meta charset="windows-1251"><p>Протокол собрания</p><p>ещё</p>'
    path.write_bytes(page.encode("cp1251"))
    return "Протокол собрания ещё"


@maker("broken.htm")
def _(path: Path) -> str:
    path.write_text("</div><td>one<p>two<tr><th>three<li>four</table></ul>five & six <")
    return "one two three four five & six <"


@maker("letter.rtf")
def _(path: Path) -> str:
    path.write_text(
        r"{\rtf1\ansi\ansicpg1252{\header above\par}{\footer IBAN DE12\par}Gr\'f6\'dfer R&D 1 < 2"
        r"{\footnote below} \b bold\b0\tab tab\line line\par {\trowd\cellx100\cellx200 one\cell "
        r"two\cell\row}\u1055?\u1088?\par}"
    )
    return "above IBAN DE12 Größer R&D 1 < 2 below bold tab line one two Пр"


@maker("letter-in-cyrillic.rtf")
def _(path: Path) -> str:
    text = "".join(f"\\'{byte:02x}" for byte in "Протокол собрания".encode("cp1251"))
    path.write_text(r"{\rtf1\ansi\ansicpg1251{\fonttbl{\f0\fcharset204 Arial;}}\f0 " + text + "}")
    return "Протокол собрания"


@maker("plain.eml")
def _(path: Path) -> str:
    message = EmailMessage()
    message["From"], message["To"] = "Jürgen <j@example.org>", "b@example.org"
    message["Subject"] = "Größe und Preis"
    message.set_content(f"{SIGNS}\n\n> quoted\n-- \nsignature\n")
    path.write_bytes(bytes(message))
    return f"Jürgen b example org Größe und Preis {SIGNS} quoted signature"


@maker("page.eml")
def _(path: Path) -> str:
    message = EmailMessage()
    message["Subject"] = "Hi"
    message.set_content(f"<p>{escape(SIGNS)}</p><p>second</p>", subtype="html")
    path.write_bytes(bytes(message))
    return f"Hi {SIGNS} second"


@maker("cyrillic.eml")
def _(path: Path) -> str:
    message = EmailMessage()
    message["Subject"] = "Протокол"
    message.set_content("собрания жильцов дома", charset="koi8-r")
    path.write_bytes(bytes(message))
    return "Протокол собрания жильцов дома"


@pytest.mark.parametrize("name", MAKERS)
def test_no_word_is_lost(tmp_path: Path, name: str) -> None:
    """Each word comes out as often as it went in."""
    seen = MAKERS[name](tmp_path / name)
    read = extract(tmp_path / name, name.rpartition(".")[2]).text
    assert not words(seen) - words(read), read
