"""The transcript as a whole: what is on it, and when the view follows its end."""

from __future__ import annotations

from textual import on
from textual.containers import Vertical, VerticalScroll
from textual.widget import Widget

from localqwq.conversations.turns import Conversation, Measures, Turn
from localqwq.tui.widgets.transcript.thought import ThoughtBlock
from localqwq.tui.widgets.transcript.turns import AssistantTurn, Note, UserTurn
from localqwq.tui.widgets.transcript.welcome import Welcome


class Transcript(VerticalScroll, can_focus=False):
    """Turns and notes, oldest first. Follows its end while the view is there."""

    def __init__(self) -> None:
        self._page = Vertical(id="page")
        super().__init__(self._page)
        self._welcome: Welcome | None = None
        self._current: AssistantTurn | None = None
        self._unfold = False

    def on_mount(self) -> None:
        """Follows the end from the beginning."""
        self.anchor()

    # Conversations

    async def show(self, conversation: Conversation | None, model: str) -> None:
        """Shows another conversation; an empty one shows the welcome."""
        path = conversation.path() if conversation else ()
        self._current = self._welcome = None
        with self.app.batch_update():
            await self._page.remove_children()
            await self._page.mount_all([self._drawn(turn) for turn in path])
            if not path:
                self._welcome = Welcome()
                await self._page.mount(self._welcome)
                await self.greet(model)
        self.anchor()

    async def greet(self, model: str) -> None:
        """Names the model in the welcome, where that is shown."""
        if self._welcome is not None and model:
            await self._welcome.show(model)

    def note(self, sentence: str) -> None:
        """Adds a quiet sentence at the end."""
        self._follow()
        self._page.mount(Note(sentence))

    # The running turn

    async def ask(self, prompt: Turn) -> None:
        """Shows a prompt and room for its answer, and goes to the end."""
        if self._welcome is not None:
            await self._welcome.remove()
            self._welcome = None
        self._current = AssistantTurn()
        self._current.thought.fold = "open" if self._unfold else "folded"
        await self._page.mount(UserTurn(prompt.text), self._current)
        self.anchor()

    def wait(self, sentence: str) -> None:
        """Says in the running turn what is waited for."""
        if self._current is not None:
            self._current.thought.wait(sentence)

    def think(self, text: str, measures: Measures) -> None:
        """Adds to the running turn's thought."""
        if self._current is not None:
            self._follow()
            self._current.think(text, measures)

    def say(self, text: str, measures: Measures) -> None:
        """Adds to the running turn's answer."""
        if self._current is not None:
            self._follow()
            self._current.say(text, measures)

    def end(self, turn: Turn) -> None:
        """The running turn is over."""
        if self._current is not None:
            self._current.end(turn)
            self._current = None

    async def take_back(self) -> None:
        """Removes the running turn and its prompt."""
        if self._current is not None:
            prompt = self._page.query(UserTurn).last()
            await self._current.remove()
            await prompt.remove()
            self._current = None

    # Folding

    def toggle_thoughts(self) -> None:
        """Unfolds all thoughts and those to come, or folds them."""
        self._unfold = not self._unfold
        blocks = [block for block in self.query(ThoughtBlock) if block.display]
        changing = [block for block in blocks if (block.fold == "open") != self._unfold]
        if changing:
            self._keep_still(self._top_widget() or changing[-1])
        for block in changing:
            block.toggle()

    @on(ThoughtBlock.FoldChanged)
    def _fold(self, event: ThoughtBlock.FoldChanged) -> None:
        event.stop()
        self._keep_still(event.block)
        event.block.toggle()

    def _follow(self) -> None:
        """Sticks to the end if the view is there, however it got there."""
        if self.scroll_y >= self.max_scroll_y:
            self.anchor()

    def _top_widget(self) -> Widget | None:
        """The first turn of which the view shows something."""
        top = self.region.y
        return next((turn for turn in self._page.children if turn.region.bottom > top), None)

    def _keep_still(self, widget: Widget) -> None:
        """Leaves `widget` where it is on the screen while things change their height."""

        def place() -> int:
            # On the page: regions on the screen lag behind when the page becomes shorter.
            return widget.region.y - self._page.region.y

        above = place() - self.scroll_y
        self.release_anchor()
        self.call_after_refresh(
            lambda: self.scroll_to(y=place() - above, animate=False, force=True)
        )

    def _drawn(self, turn: Turn) -> Widget:
        if turn.role == "user":
            return UserTurn(turn.text)
        drawn = AssistantTurn(turn)
        drawn.thought.fold = "open" if self._unfold else "folded"
        return drawn
