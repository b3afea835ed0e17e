"""Office files of the smallest kind that programs open, with what a test puts into them."""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from xml.sax.saxutils import escape

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
DRAWING = "http://schemas.openxmlformats.org/drawingml/2006/main"
SLIDES = "http://schemas.openxmlformats.org/presentationml/2006/main"
SHEETS = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
CHART = "http://schemas.openxmlformats.org/drawingml/2006/chart"
SHAPE = "http://schemas.microsoft.com/office/word/2010/wordprocessingShape"
COMPATIBLE = "http://schemas.openxmlformats.org/markup-compatibility/2006"
MATH = "http://schemas.openxmlformats.org/officeDocument/2006/math"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
OPEN = "urn:oasis:names:tc:opendocument:xmlns:"

_TYPES = {
    "word/document.xml": "wordprocessingml.document.main",
    "ppt/presentation.xml": "presentationml.presentation.main",
    "xl/workbook.xml": "spreadsheetml.sheet.main",
    "xl/worksheets/sheet1.xml": "spreadsheetml.worksheet",
    "xl/worksheets/sheet2.xml": "spreadsheetml.worksheet",
    "xl/sharedStrings.xml": "spreadsheetml.sharedStrings",
}


def write_zip(path: Path, parts: Mapping[str, str]) -> None:
    """Write parts of XML, and others as they are."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, part in parts.items():
            head = '<?xml version="1.0" encoding="UTF-8"?>' if part.startswith("<") else ""
            archive.writestr(name, head + part)


def relations(entries: Mapping[str, tuple[str, str]]) -> str:
    """What a part refers to: for each id the kind and the target, an address if it has a colon."""
    outside = ' TargetMode="External"'
    found = "".join(
        f'<Relationship Id="{number}" Type="{OFFICE}/{kind}" Target="{escape(target)}"'
        f"{outside if ':' in target else ''}/>"
        for number, (kind, target) in entries.items()
    )
    return f'<Relationships xmlns="{PACKAGE}/relationships">{found}</Relationships>'


def write_office(path: Path, main: str, parts: Mapping[str, str]) -> None:
    """Write an Office Open XML file that begins at its part `main`."""
    overrides = "".join(
        f'<Override PartName="/{name}" ContentType='
        f'"application/vnd.openxmlformats-officedocument.{kind}+xml"/>'
        for name, kind in _TYPES.items()
        if name in parts
    )
    types = (
        f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="rels" ContentType='
        '"application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>{overrides}</Types>'
    )
    start = relations({"a": ("officeDocument", main)})
    write_zip(path, {"[Content_Types].xml": types, "_rels/.rels": start, **parts})


def paragraph(text: str, properties: str = "") -> str:
    """A paragraph of a word processor, with a tab and a break where the text has them."""
    inside = escape(text).replace("\t", "</w:t><w:tab/><w:t>").replace("\n", "</w:t><w:br/><w:t>")
    return f"<w:p><w:pPr>{properties}</w:pPr><w:r><w:t>{inside}</w:t></w:r></w:p>"


def write_docx(
    path: Path,
    body: str,
    beside: Mapping[str, str] | None = None,
    links: Mapping[str, str] | None = None,
) -> None:
    """Write a document of a word processor.

    `beside`: for each kind of part, such as `header`, what is in it; `links`: addresses by id.
    """
    parts = {f"word/{kind}7.xml": part for kind, part in (beside or {}).items()}
    wrapped = {
        name: f'<w:part xmlns:w="{WORD}" xmlns:a="{DRAWING}" xmlns:c="{CHART}">{part}</w:part>'
        for name, part in parts.items()
    }
    referred = {f"p{kind}": (kind, f"{kind}7.xml") for kind in beside or {}}
    referred |= {number: ("hyperlink", address) for number, address in (links or {}).items()}
    document = (
        f'<w:document xmlns:w="{WORD}" xmlns:r="{OFFICE}" xmlns:wps="{SHAPE}" '
        f'xmlns:mc="{COMPATIBLE}" xmlns:m="{MATH}" xmlns:v="urn:schemas-microsoft-com:vml">'
        f"<w:body>{body}</w:body></w:document>"
    )
    main = "word/document.xml"
    write_office(
        path,
        main,
        {main: document, "word/_rels/document.xml.rels": relations(referred), **wrapped},
    )


def shape(text: str) -> str:
    """A shape on a slide with a line of text."""
    return f"<p:sp><p:txBody>{drawn(text)}</p:txBody></p:sp>"


def drawn(text: str) -> str:
    """A paragraph in a drawing."""
    return f"<a:p><a:r><a:t>{escape(text)}</a:t></a:r></a:p>"


def write_pptx(path: Path, slides: Mapping[str, str], beside: Mapping[str, str]) -> None:
    """Write a presentation.

    `slides`: the names of their parts and what is on them, in the order in which they are shown;
    `beside`: what else belongs to the first one, by kind.
    """
    names = f'xmlns:a="{DRAWING}" xmlns:p="{SLIDES}" xmlns:r="{OFFICE}" xmlns:c="{CHART}"'
    listed = "".join(f'<p:sldId id="{n}" r:id="{name}"/>' for n, name in enumerate(slides, 256))
    first = next(iter(slides))
    write_office(
        path,
        "ppt/presentation.xml",
        {
            "ppt/presentation.xml": f"<p:presentation {names}><p:sldIdLst>{listed}</p:sldIdLst>"
            "</p:presentation>",
            "ppt/_rels/presentation.xml.rels": relations(
                {name: ("slide", f"slides/{name}.xml") for name in slides}
            ),
            f"ppt/slides/_rels/{first}.xml.rels": relations(
                {kind: (kind, f"../{kind}/{kind}1.xml") for kind in beside}
            ),
            **{
                f"ppt/slides/{name}.xml": f"<p:sld {names}><p:cSld>{inside}</p:cSld></p:sld>"
                for name, inside in slides.items()
            },
            **{
                f"ppt/{kind}/{kind}1.xml": f"<p:part {names}>{inside}</p:part>"
                for kind, inside in beside.items()
            },
        },
    )


def write_xlsx(
    path: Path, rows: str, shared: str = "", comments: str = "", boxes: str = ""
) -> None:
    """Write a workbook of two sheets, of which the second one is hidden and has the word hidden."""
    hidden = '<row r="1"><c r="A1" t="inlineStr"><is><t>hidden</t></is></c></row>'
    drawing = (
        '<d:wsDr xmlns:d="http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing" '
        f'xmlns:a="{DRAWING}">{boxes}</d:wsDr>'
    )
    write_office(
        path,
        "xl/workbook.xml",
        {
            "xl/workbook.xml": f'<workbook xmlns="{SHEETS}" xmlns:r="{OFFICE}"><sheets>'
            '<sheet name="Costs &amp; gains" sheetId="1" r:id="a"/>'
            '<sheet name="Second" sheetId="2" state="hidden" r:id="b"/></sheets></workbook>',
            "xl/_rels/workbook.xml.rels": relations(
                {
                    "a": ("worksheet", "worksheets/sheet1.xml"),
                    "b": ("worksheet", "worksheets/sheet2.xml"),
                    "c": ("sharedStrings", "sharedStrings.xml"),
                }
            ),
            "xl/sharedStrings.xml": f'<sst xmlns="{SHEETS}">{shared}</sst>',
            "xl/worksheets/sheet1.xml": _sheet(rows),
            "xl/worksheets/sheet2.xml": _sheet(hidden),
            "xl/worksheets/_rels/sheet1.xml.rels": relations(
                {"c": ("comments", "../comments1.xml"), "d": ("drawing", "../drawing1.xml")}
            ),
            "xl/comments1.xml": f'<comments xmlns="{SHEETS}"><commentList>{comments}'
            "</commentList></comments>",
            "xl/drawing1.xml": drawing,
        },
    )


def _sheet(rows: str) -> str:
    return f'<worksheet xmlns="{SHEETS}"><sheetData>{rows}</sheetData></worksheet>'


def write_open_document(
    path: Path, kind: str, body: str, styles: str = "", master: str = ""
) -> None:
    """Write an OpenDocument file: `kind` is text, spreadsheet or presentation."""
    spaces = {
        "office": "office", "text": "text", "table": "table", "draw": "drawing", "style": "style",
        "presentation": "presentation",
    }  # fmt: skip
    names = " ".join(f'xmlns:{short}="{OPEN}{long}:1.0"' for short, long in spaces.items())
    names += (
        ' xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:dc="http://purl.org/dc/elements/1.1/"'
    )
    write_zip(
        path,
        {
            "mimetype": f"application/vnd.oasis.opendocument.{kind}",
            "content.xml": f"<office:document-content {names}><office:automatic-styles>{styles}"
            f"</office:automatic-styles><office:body><office:{kind}>{body}</office:{kind}>"
            "</office:body></office:document-content>",
            "styles.xml": f"<office:document-styles {names}><office:master-styles>"
            f"<style:master-page>{master}</style:master-page></office:master-styles>"
            "</office:document-styles>",
        },
    )


def write_epub(path: Path, chapters: Mapping[str, str]) -> None:
    """Write a book whose chapters are read in this order."""
    items = "".join(f'<item id="{name}" href="{name}.xhtml"/>' for name in sorted(chapters))
    spine = "".join(f'<itemref idref="{name}"/>' for name in chapters)
    write_zip(
        path,
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:'
            'container"><rootfiles><rootfile full-path="text/book.opf"/></rootfiles></container>',
            "text/book.opf": '<package xmlns="http://www.idpf.org/2007/opf">'
            f"<manifest>{items}</manifest><spine>{spine}</spine></package>",
            **{
                f"text/{name}.xhtml": f'<html xmlns="http://www.w3.org/1999/xhtml"><body>{chapter}'
                "</body></html>"
                for name, chapter in chapters.items()
            },
        },
    )
