"""Reading the files that a prompt mentions."""

from __future__ import annotations

import asyncio
from pathlib import Path

from localqwq.conversations.turns import Attachment
from localqwq.documents.mentions import mentions
from localqwq.errors import LocalqwqError


class Refused(Exception):
    """Why a prompt is not sent, as a sentence."""


async def attached(text: str, folder: Path) -> tuple[Attachment, ...]:
    """Return the files that a prompt mentions with ``@``, relative to ``folder``.

    Raises Refused if one of them cannot be read.
    """
    from localqwq.documents.reading import read_document

    found = mentions(text, folder)
    if found.missing:
        names = " and no file ".join(found.missing)
        raise Refused(f"There is no file {names}. Not sent.")
    files = []
    for path in found.files:
        try:
            read = await asyncio.to_thread(read_document, path)
        except LocalqwqError as error:
            raise Refused(f"{error} Not sent.") from None
        files.append(Attachment(path.name, read))
    return tuple(files)
