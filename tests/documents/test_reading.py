"""The text of files that are put beside a prompt."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from localqwq.documents.dispatch import extract
from localqwq.documents.extract import UnreadableError
from localqwq.documents.kinds import KINDS
from localqwq.documents.reading import MOST_BYTES, read, read_document
from localqwq.errors import LocalqwqError
from tests.documents.office_files import paragraph, write_docx, write_xlsx, write_zip
from tests.documents.pdf_files import write_pdf

SENTENCE = "The harbour has 17 lamps."


def docx(path: Path) -> None:
    """A document with the sentence."""
    write_docx(path, paragraph(SENTENCE))


def pdf(path: Path) -> None:
    """A page with the sentence."""
    write_pdf(path, [[(72, 700, 24, SENTENCE)]])


@pytest.mark.parametrize(("name", "write"), [("a.docx", docx), ("a.pdf", pdf), ("a.scan", pdf)])
def test_documents_give_their_text(
    tmp_path: Path, name: str, write: Callable[[Path], None]
) -> None:
    """Word processors' files and PDF, read in a process of their own."""
    write(tmp_path / name)
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
    with pytest.raises(LocalqwqError, match=r"picture\.png is not a text file"):
        read_document(tmp_path / "picture.png")
    with (tmp_path / "long.txt").open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(LocalqwqError, match="files of up to 32 MiB"):
        read_document(tmp_path / "long.txt")


@pytest.mark.parametrize("kind", sorted(KINDS - {"html", "htm", "xhtml", "eml"}))
def test_damage_is_told_in_our_words(tmp_path: Path, kind: str) -> None:
    """Whatever a file of that name really is; nothing of what its reader says gets out."""
    file = tmp_path / f"a.{kind}"
    for content in (b"%PDF-1.4 garbage" * 40, b"", b"PK\x03\x04" + b"\0" * 99):
        file.write_bytes(content)
        with pytest.raises(UnreadableError, match=rf"^it is damaged, or not a \.{kind} file$"):
            extract(file, kind)


def test_passwords_are_named(tmp_path: Path) -> None:
    """Office files that are encrypted are of an older form; OpenDocument files say it inside."""
    encrypted = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le")
    (tmp_path / "a.docx").write_bytes(encrypted)
    (tmp_path / "a.xlsx").write_bytes(encrypted)
    manifest = "<manifest><file-entry><encryption-data/></file-entry></manifest>"
    write_zip(tmp_path / "a.odt", {"META-INF/manifest.xml": manifest, "content.xml": "x"})
    write_pdf(tmp_path / "a.pdf", [[(72, 700, 24, SENTENCE)]], is_protected=True)
    for name in ("a.docx", "a.xlsx", "a.odt", "a.pdf"):
        with pytest.raises(LocalqwqError, match=f"{name} could not .*protected by a password"):
            read_document(tmp_path / name)


def test_what_is_left_out_is_said(tmp_path: Path) -> None:
    """Pictures, objects, pages without text, files inside mails, scripts, and guesses."""
    docx(tmp_path / "a.docx")
    with zipfile.ZipFile(tmp_path / "a.docx", "a") as archive:
        for name in ("word/media/a.png", "word/media/b.emf", "word/embeddings/c.xlsx"):
            archive.writestr(name, "")
    write_pdf(tmp_path / "a.pdf", [[(9, 9, 9, "x")], [], [(9, 9, 9, "y")], [], []])
    (tmp_path / "a.html").write_text("<script>x()</script><p>y")
    (tmp_path / "a.txt").write_bytes("Протокол собрания".encode("koi8-r"))
    (tmp_path / "a.eml").write_text(
        "Subject: x\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\ny\n--b\nContent-Type: "
        'application/pdf\nContent-Disposition: attachment; filename="z.pdf"\n\nz\n--b--\n'
    )
    said = {
        "a.docx": "2 pictures and 1 embedded object are left out",
        "a.pdf": "pages 2, 4–5 have no text; pictures of text cannot be read",
        "a.html": "scripts and styles are left out",
        "a.txt": "it does not state its encoding, so it was read as KOI8-R: check its letters",
        "a.eml": "the files attached to it are left out: z.pdf",
    }
    assert {name: read(tmp_path / name).remarks for name in said} == {
        name: (remark,) for name, remark in said.items()
    }


def test_errors_in_cells_look_as_in_the_sheet(tmp_path: Path) -> None:
    """Not as the library calls them."""
    cells = ("#DIV/0!", "#N/A", "#NAME?", "#REF!", "#VALUE!", "#NUM!")
    row = "".join(f'<c r="{c}1" t="e"><v>{e}</v></c>' for c, e in zip("ABCDEF", cells, strict=True))
    write_xlsx(tmp_path / "a.xlsx", f'<row r="1">{row}</row>')
    assert f"| {' | '.join(cells)} |" in read_document(tmp_path / "a.xlsx")


def test_text_is_read_as_it_is(tmp_path: Path) -> None:
    """Programs and tables keep every sign."""
    (tmp_path / "a.py").write_bytes(b"if a<b:\r\n\tprint('\xc3\xa9') # <p>\n")
    assert read_document(tmp_path / "a.py") == "if a<b:\n\tprint('é') # <p>\n"
