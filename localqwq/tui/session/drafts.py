"""Unsent drafts, stored while they are typed."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from localqwq.conversations.reading import UnknownConversationError
from localqwq.conversations.turns import Attachment, Draft
from localqwq.errors import LocalqwqError
from localqwq.tui.session.store_thread import StoreThread

DRAFT_SECONDS = 0.5
"""Maximum seconds that a draft is only in memory."""


class Drafts:
    """Writes the newest draft of each conversation at limited intervals."""

    def __init__(self, records: StoreThread) -> None:
        self._records = records
        self._waiting: dict[int | None, Draft] = {}
        self._newest: dict[int | None, Draft] = {}
        self._attached: dict[int | None, tuple[Attachment, ...]] = {}
        """Attachments as last written: long ones are not written at each key."""
        self._task: asyncio.Task[None] | None = None

    def note(self, conversation: int | None, draft: Draft) -> None:
        """Note the text in a conversation's prompt, None for the new conversation."""
        self._waiting[conversation] = self._newest[conversation] = draft
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._write_soon())

    async def put_before(self, conversation: int, sent: Draft) -> None:
        """Put what was sent and comes back before what has been typed since."""
        typed = self._newest.get(conversation)
        if typed is None:
            with suppress(LocalqwqError):  # deleted by another process
                typed = await self._records.do(lambda store: store.draft(conversation))
        typed = typed or Draft()
        text = "\n".join(text for text in (sent.text, typed.text) if text)
        self.note(conversation, Draft(text, (*sent.attachments, *typed.attachments)))

    async def flush(self) -> None:
        """Write pending drafts; what cannot be written waits for the next time."""
        for conversation in list(self._waiting):
            draft = self._waiting.pop(conversation, None)
            if draft is None:  # written by somebody else meanwhile
                continue
            try:
                await self._write(conversation, draft)
            except UnknownConversationError:
                continue
            except LocalqwqError:
                if self._newest[conversation] is draft:
                    self._waiting[conversation] = draft

    async def _write(self, conversation: int | None, draft: Draft) -> None:
        same = self._attached.get(conversation) == draft.attachments
        attachments = None if same else draft.attachments
        await self._records.do(lambda store: store.set_draft(conversation, draft.text, attachments))
        self._attached[conversation] = draft.attachments

    async def close(self) -> None:
        """Write what is left, and nothing after that."""
        if self._task is not None:
            self._task.cancel()
        await self.flush()

    async def _write_soon(self) -> None:
        while self._waiting:
            await asyncio.sleep(DRAFT_SECONDS)
            await self.flush()
