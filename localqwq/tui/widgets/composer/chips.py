"""The prompt's attachments, one per line."""

from __future__ import annotations

from dataclasses import dataclass, replace

from textual import events
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from localqwq.conversations.turns import Attachment
from localqwq.tui.session.context_fill import estimated
from localqwq.visible import visible


class Chip(Static):
    """One attachment: its name, its length, and a cross that removes it."""

    ALLOW_SELECT = False

    @dataclass
    class Removed(Message):
        """The attachment was removed."""

        chip: Chip

    def __init__(self, attachment: Attachment) -> None:
        super().__init__()
        self.attachment = attachment

    def on_mount(self) -> None:
        """Show an estimate until the tokens are counted."""
        self.show(self.attachment)

    def show(self, attachment: Attachment) -> None:
        """Show it with its counted tokens."""
        self.attachment = attachment
        tokens = attachment.tokens or estimated(attachment.text)
        about = "" if attachment.tokens else "about "
        lines = attachment.text.removesuffix("\n").count("\n") + 1
        size = f"{lines:,} {'line' if lines == 1 else 'lines'}, {about}{tokens:,} tokens"
        name, away = visible(attachment.name), ("✕ remove", "$text-muted")
        self.update(Content.assemble("▤ ", (name, "bold"), f"  {size}  ", away))

    def on_click(self, event: events.Click) -> None:
        """Remove the attachment."""
        event.stop()
        self.post_message(self.Removed(self))


class Chips(VerticalScroll, can_focus=False):
    """The prompt's attachments, in the order in which they were added."""

    def __init__(self) -> None:
        super().__init__()
        self._chips: list[Chip] = []

    @property
    def attachments(self) -> tuple[Attachment, ...]:
        """The attachments sent with the prompt."""
        return tuple(chip.attachment for chip in self._chips)

    def add(self, attachment: Attachment) -> None:
        """Add one, replacing one with the same name."""
        for chip in [chip for chip in self._chips if chip.attachment.name == attachment.name]:
            self.drop(chip)
        chip = Chip(attachment)
        self._chips.append(chip)
        self.mount(chip)

    def counted(self, name: str, tokens: int) -> None:
        """Set the counted tokens of one."""
        for chip in self._chips:
            if chip.attachment.name == name:
                chip.show(replace(chip.attachment, tokens=tokens))

    def drop(self, chip: Chip) -> None:
        """Remove one."""
        if chip in self._chips:
            self._chips.remove(chip)
            chip.remove()

    def drop_last(self) -> bool:
        """Remove the last one; return whether there was one."""
        if not self._chips:
            return False
        self.drop(self._chips[-1])
        return True

    def clear(self) -> None:
        """Remove all."""
        for chip in tuple(self._chips):
            self.drop(chip)
