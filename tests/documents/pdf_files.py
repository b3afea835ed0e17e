"""PDF files with lines of text at places on pages."""

from collections.abc import Sequence
from pathlib import Path

Line = tuple[float, float, float, str]
"""Points from the left and from the bottom, the size of the letters, and the text."""


def write_pdf(
    path: Path,
    pages: Sequence[Sequence[Line]],
    notes: Sequence[str] = (),
    fields: Sequence[tuple[str, str]] = (),
    is_protected: bool = False,
) -> None:
    """Write A4 pages; the first one gets notes of readers, and fields of a form."""
    font = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
    objects: list[str] = ["", "", font]

    def add(body: str) -> int:
        objects.append(body)
        return len(objects)

    annotations = [
        add(f"<< /Type /Annot /Subtype /Text /Rect [9 9 29 29] /Contents ({_escaped(note)}) >>")
        for note in notes
    ]
    widgets = [
        add(
            f"<< /Type /Annot /Subtype /Widget /FT /Tx /T ({name}) /V ({_escaped(value)})"
            " /Rect [99 99 299 119] >>"
        )
        for name, value in fields
    ]
    kids: list[int] = []
    for lines in pages:
        stream = "\n".join(
            f"BT /F1 {size} Tf {x} {y} Td ({_escaped(text)}) Tj ET" for x, y, size, text in lines
        )
        content = add(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
        annots = "" if kids else f" /Annots [{_references(annotations + widgets)}]"
        kids.append(
            add(
                "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font"
                f" << /F1 3 0 R >> >> /Contents {content} 0 R{annots} >>"
            )
        )
    form = f" /AcroForm << /Fields [{_references(widgets)}] >>" if widgets else ""
    objects[0] = f"<< /Type /Catalog /Pages 2 0 R{form} >>"
    objects[1] = f"<< /Type /Pages /Kids [{_references(kids)}] /Count {len(kids)} >>"
    key = ""
    if is_protected:
        zeros = "00" * 32
        locked = add(f"<< /Filter /Standard /V 1 /R 2 /O <{zeros}> /U <{zeros}> /P -4 >>")
        key = f" /Encrypt {locked} 0 R /ID [<00> <00>]"
    _write(path, objects, key)


def _write(path: Path, objects: Sequence[str], key: str) -> None:
    out, places = "%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n"
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    size = len(objects) + 1
    start = len(out)
    out += (
        f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer << /Size {size} /Root 1 0 R{key} >>\n"
    )
    path.write_text(f"{out}startxref\n{start}\n%%EOF\n", encoding="latin-1")


def _references(numbers: Sequence[int]) -> str:
    return " ".join(f"{number} 0 R" for number in numbers)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
