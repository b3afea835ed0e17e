"""The text of a mail: sender, recipients, content, and names of attached files."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage, Message
from typing import cast

from localqwq.documents.encodings import decode
from localqwq.documents.extract import Extract
from localqwq.documents.html_text import html_text

_HEADERS = ("Subject", "From", "To", "Cc", "Date")


def extract(data: bytes) -> Extract:
    """Return the text of a mail as sent, however damaged."""
    message = email.message_from_bytes(data, policy=email.policy.default)
    texts: list[str] = []
    files: list[str] = []
    _collect(message, texts, files)
    head = [f"{name}: {value}" for name in _HEADERS if (value := _header(message, name))]
    parts = ["\n".join(head), *(text.strip() for text in texts)]
    remarks = [f"the files attached to it are left out: {', '.join(files)}"] if files else []
    return Extract("\n\n".join(part for part in parts if part), tuple(remarks))


def _collect(part: EmailMessage, texts: list[str], files: list[str]) -> None:
    """Collect the texts of a part and its subparts, and the names of other files."""
    kind = part.get_content_type()
    if part.is_multipart() and kind != "message/rfc822":
        inside = [cast(EmailMessage, each) for each in part.iter_parts()]
        if kind == "multipart/alternative":
            texts.append(_best(inside, files))
            return
        for each in inside:
            _collect(each, texts, files)
    elif part.get_content_maintype() == "text" and not part.is_attachment():
        texts.append(_text(part))
    else:
        files.append(part.get_filename() or f"a file of type {kind}")


def _best(forms: list[EmailMessage], files: list[str]) -> str:
    """Return the plain form of a text, unless it only says that there is another one."""
    found = []
    for form in forms:
        texts: list[str] = []
        _collect(form, texts, files)
        found.append("\n\n".join(texts))
    enough = max((len(text.split()) for text in found), default=0) / 2
    return next((text for text in found if len(text.split()) >= enough), "")


def _text(part: EmailMessage) -> str:
    payload = part.get_payload(decode=True)
    data = payload if isinstance(payload, bytes) else b""
    charset = part.get_content_charset() or "utf-8"
    try:
        text = data.decode(charset)
    except (LookupError, UnicodeDecodeError):
        decoded = decode(data)
        text = decoded.text if decoded else data.decode("utf-8", "replace")
    text = text.replace("\r\n", "\n")
    return html_text(text).text if part.get_content_subtype() == "html" else text


def _header(message: Message, name: str) -> str:
    try:
        return " ".join(str(message[name] or "").split())
    except (ValueError, LookupError, TypeError, AttributeError):  # of a header beyond repair
        return ""
