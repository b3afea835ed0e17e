"""The text of files that are put beside a prompt."""

import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localqwq.documents.reading import MOST_BYTES, decoded, read_document
from localqwq.errors import LocalqwqError

SENTENCE = "The harbour has 17 lamps."
WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"
MAIN = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
RELATIONS = "application/vnd.openxmlformats-package.relationships+xml"


def write_docx(path: Path, text: str) -> None:
    """The smallest document that a word processor opens."""
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types">'
        f'<Default Extension="rels" ContentType="{RELATIONS}"/>'
        f'<Override PartName="/word/document.xml" ContentType="{MAIN}"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{PACKAGE}/relationships">'
        f'<Relationship Id="a" Type="{OFFICE}" Target="word/document.xml"/></Relationships>',
        "word/document.xml": f'<w:document xmlns:w="{WORD}"><w:body><w:p><w:r><w:t>{text}'
        "</w:t></w:r></w:p></w:body></w:document>",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, f'<?xml version="1.0"?>{part}')


def write_pdf(path: Path, text: str) -> None:
    """One page with one line."""
    line = f"BT /F1 24 Tf 72 700 Td ({text}) Tj ET"
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R"
        " /Resources << /Font << /F1 5 0 R >> >> >>",
        f"<< /Length {len(line)} >>\nstream\n{line}\nendstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    out, places = "%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n"
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    out += f"xref\n0 6\n0000000000 65535 f \n{table}trailer << /Size 6 /Root 1 0 R >>\n"
    path.write_text(f"{out}startxref\n{out.index('xref')}\n%%EOF\n", encoding="ascii")


@pytest.mark.parametrize(
    ("name", "write"), [("a.docx", write_docx), ("a.pdf", write_pdf)], ids=["docx", "pdf"]
)
def test_documents_give_their_text(tmp_path: Path, name: str, write: object) -> None:
    """Word processors' files and PDF, read in a process of their own."""
    assert callable(write)
    write(tmp_path / name, SENTENCE)
    assert SENTENCE in read_document(tmp_path / name)


@pytest.mark.parametrize("name", ["a.pdf", "a.docx"])
def test_damaged_documents_cost_a_sentence(tmp_path: Path, name: str) -> None:
    """The sentence names the file and says what to do."""
    (tmp_path / name).write_bytes(b"%PDF-1.4 garbage" * 40)
    with pytest.raises(LocalqwqError, match=rf"^{name} could not be read \(.+\): save it as text"):
        read_document(tmp_path / name)


def test_what_cannot_be_attached(tmp_path: Path) -> None:
    """Nothing there, a folder, no text, too much."""
    with pytest.raises(LocalqwqError, match="There is no file"):
        read_document(tmp_path / "gone.txt")
    with pytest.raises(LocalqwqError, match="is a folder"):
        read_document(tmp_path)
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\0\0")
    with pytest.raises(LocalqwqError, match=r"picture\.png is no text file"):
        read_document(tmp_path / "picture.png")
    with (tmp_path / "long.txt").open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(LocalqwqError, match="files of up to 32 MiB"):
        read_document(tmp_path / "long.txt")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_text_in_the_usual_encodings(encoding: str) -> None:
    """Lines end alike, marks are gone."""
    assert decoded("Grüße\r\nfrom\rhere".encode(encoding), "a.txt") == "Grüße\nfrom\nhere"


@given(st.binary(max_size=200))
def test_any_bytes_are_text_or_a_sentence(data: bytes) -> None:
    """Never another exception."""
    try:
        decoded(data, "a.txt")
    except LocalqwqError as error:
        assert "a.txt" in str(error)
