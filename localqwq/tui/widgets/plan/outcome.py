"""What comes of values chosen by hand: where everything goes, and how much memory it takes."""

from __future__ import annotations

from collections.abc import Iterator

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from localqwq.models.by_hand import Outcome
from localqwq.planning.load_mode import REARRANGED, SENTENCES
from localqwq.tui.widgets.models.details import NARROWEST, WIDEST, fit
from localqwq.tui.widgets.models.rows import QUIET


class OutcomeView(VerticalScroll):
    """The verdict, the context reached, and a bar for each place; Tab focuses it for scrolling."""

    def __init__(self) -> None:
        super().__init__(Static())
        self._outcome: Outcome | None = None
        self._refusal = ""

    def show(self, outcome: Outcome) -> None:
        """Show what values lead to."""
        self._outcome, self._refusal = outcome, ""
        self._draw()

    def refuse(self, why: str) -> None:
        """Show why values are impossible, in place of a plan."""
        self._outcome, self._refusal = None, why
        self._draw()

    def on_resize(self) -> None:
        """Adapt the drawing to the width."""
        self._draw()

    def _draw(self) -> None:
        content = Content()
        if self._refusal:
            content = Content.assemble(("✗ Not possible. ", "bold $text-error"), self._refusal)
        elif self._outcome is not None:
            width = max(NARROWEST, min(WIDEST, self.scrollable_content_region.size.width))
            content = Content("\n").join(_lines(self._outcome, width))
        self.query_one(Static).update(content)


def _lines(outcome: Outcome, width: int) -> Iterator[Content]:
    yield from fit(outcome.plan, width, None)
    yield Content()
    for sentence in in_words(outcome):
        yield Content.styled(sentence, QUIET)


def in_words(outcome: Outcome) -> Iterator[str]:
    """Yield sentences about the context, the batch and the way of loading."""
    plan, rope = outcome.plan, outcome.rope
    context = f"The context has {plan.context:,} tokens"
    if outcome.longest > plan.context:
        context += f" and may grow to {outcome.longest:,}"
    if rope.kind == "yarn":
        context += f"; positions are scaled by YaRN, factor {rope.factor:g}"
    attention = "flash" if plan.flash else "plain"
    yield f"{context}. Its cache is {plan.kv_type.upper()}, its attention {attention}."
    requests = "1 request" if plan.parallel == 1 else f"{plan.parallel} requests"
    threads = "1 thread" if plan.threads == 1 else f"{plan.threads} threads"
    yield f"Up to {requests} at a time, {threads}, batches of {plan.settings.batch:,} tokens."
    if plan.fits:
        yield REARRANGED if plan.repack else SENTENCES[plan.load_mode]
