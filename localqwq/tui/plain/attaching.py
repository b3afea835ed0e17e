"""Reading the files that a prompt mentions."""

from __future__ import annotations

import asyncio
from pathlib import Path

from localqwq.conversations.turns import Attachment
from localqwq.documents.mentions import mentions
from localqwq.documents.server_mentions import mentioned_resources
from localqwq.errors import LocalqwqError
from localqwq.tui.session.server_texts import ServerTexts


class Refused(Exception):
    """Why a prompt is not sent, as a sentence."""


async def attached(text: str, folder: Path, servers: ServerTexts) -> tuple[Attachment, ...]:
    """Return the files, and resources of MCP servers, that a prompt mentions with ``@``.

    Files are relative to ``folder``. Raises Refused if one of them cannot be read.
    """
    from localqwq.documents.reading import read_document

    found = mentions(text, folder)
    names = await servers.names() if "@" in text else []
    begun = tuple(f"{name}:" for name in names)
    missing = [name for name in found.missing if not name.startswith(begun)]
    if missing:
        these = " and no file ".join(missing)
        raise Refused(f"There is no file {these}. Not sent.")
    files = []
    for path in found.files:
        try:
            read = await asyncio.to_thread(read_document, path)
        except LocalqwqError as error:
            raise Refused(f"{error} Not sent.") from None
        files.append(Attachment(path.name, read))
    for server, uri in mentioned_resources(text, names):
        try:
            read = await servers.resource(server, uri)
        except LocalqwqError as error:
            raise Refused(f"{error} Not sent.") from None
        files.append(Attachment(f"{server}:{uri}", read))
    return tuple(files)
