"""The list of completions above the prompt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.content import Content
from textual.message import Message
from textual.visual import VisualType
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from localqwq.tui.completing import Proposal
from localqwq.visible import visible


class Proposals(OptionList, can_focus=False):
    """Proposals, one of them marked; hidden while there are none."""

    @dataclass
    class Taken(Message):
        """One was chosen with the mouse."""

        proposal: Proposal

    def __init__(self) -> None:
        super().__init__()
        self._proposals: Sequence[Proposal] = ()
        self.display = False

    def offer(self, proposals: Sequence[Proposal]) -> None:
        """Show these, with the first one marked."""
        if proposals == self._proposals:
            return
        self._proposals = proposals
        self.clear_options()
        width = max((len(proposal.label) for proposal in proposals), default=0)
        self.add_options([Option(_line(proposal, width)) for proposal in proposals])
        self.display = bool(proposals)
        if proposals:
            self.highlighted = 0

    @property
    def marked(self) -> Proposal | None:
        """The proposal for Tab and Enter; None while there are none."""
        if not self.display or self.highlighted is None:
            return None
        return self._proposals[self.highlighted]

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Choose the clicked proposal."""
        event.stop()
        self.post_message(self.Taken(self._proposals[event.option_index]))


def _line(proposal: Proposal, width: int) -> VisualType:
    label = visible(proposal.label).ljust(width)
    return Content.assemble(label, "  ", (proposal.detail, "$text-muted"))
