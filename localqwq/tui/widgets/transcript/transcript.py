"""The whole transcript: its content, and when the view follows its end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.message import Message

from localqwq.conversations.rounds import Round
from localqwq.conversations.turns import Conversation, Measures, Turn
from localqwq.tui.widgets.transcript.cursor import Cursor
from localqwq.tui.widgets.transcript.foot import Action
from localqwq.tui.widgets.transcript.page import More, Page
from localqwq.tui.widgets.transcript.redraw_pace import Pace
from localqwq.tui.widgets.transcript.thought import Display, ThoughtBlock
from localqwq.tui.widgets.transcript.turns import AssistantTurn, Note, Part, TurnView, UserTurn
from localqwq.tui.widgets.transcript.unpainted import Unpainted
from localqwq.tui.widgets.transcript.welcome import Welcome

NEXT: Mapping[Display, Display] = {"tail": "open", "open": "closed", "closed": "tail"}
"""The order in which one key switches."""


class Transcript(VerticalScroll, Unpainted, can_focus=True):
    """Turns and notes, oldest first. Follows its end while the view is there.

    With the focus it has a cursor, and single keys act on the part under it.
    """

    DEFAULT_CSS = """
    Transcript {
        height: 1fr;
        align: center top;
        padding: 1 0 0 0;
        scrollbar-size-vertical: 1;
        scrollbar-color: $foreground 20%;
        scrollbar-background: $background;
        scrollbar-background-hover: $background;
        scrollbar-background-active: $background;
    }
    """
    FOCUS_ON_CLICK = False  # only a click on part of a turn focuses it
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "step(-1)", "Part before", show=False),
        Binding("down", "step(1)", "Next part", show=False),
        Binding("ctrl+up,left_square_bracket", "turn(-1)", "Turn before", show=False),
        Binding("ctrl+down,right_square_bracket", "turn(1)", "Next turn", show=False),
        Binding("home", "first", "First", show=False),
        Binding("end", "last", "Last", show=False),
        Binding("enter,space", "fold", "Fold", show=False),
        Binding("c,y", "want('copy')", "Copy", show=False),
        Binding("a", "want('copy_answer')", "Copy answer", show=False),
        Binding("t", "want('copy_thought')", "Copy thought", show=False),
        Binding("q", "want('quote')", "Quote", show=False),
        Binding("e", "want('edit')", "Edit", show=False),
        Binding("h", "want('edit_thought')", "Edit thought", show=False),
        Binding("r", "want('regenerate')", "Again", show=False),
        Binding("o", "want('continue')", "Continue", show=False),
        Binding("delete,backspace", "want('remove')", "Remove", show=False),
        Binding("m", "more", "More", show=False),
        Binding("left", "want('older')", "Older branch", show=False),
        Binding("right", "want('newer')", "Newer branch", show=False),
    ]

    @dataclass
    class Wanted(Message):
        """An action on a turn was requested."""

        action: Literal[
            "regenerate", "edit", "edit_thought", "continue", "remove",
            "copy", "quote", "older", "newer",
        ]  # fmt: skip
        turn: int
        """Its id; 0 for a running answer, which can only be copied and quoted."""
        text: str
        """The source to copy, else of the part under the cursor."""

    @dataclass
    class Grew(Message):
        """Whether unseen text arrived while the view was further up."""

        below: bool

    def __init__(self, thought_display: Display = "tail") -> None:
        """Set up; ``thought_display``: how thoughts are shown."""
        self._page = Page(self._drawn)
        super().__init__(self._page)
        self._welcome: Welcome | None = None
        self._current: AssistantTurn | None = None
        self._cursor = Cursor(lambda: self._page.views)
        self._display: Display = thought_display
        self._branches: Mapping[int, tuple[int, int]] = {}
        self._growing = False
        self._was_at_end, self._has_unseen = True, False
        self._pace = Pace()

    def on_mount(self) -> None:
        """Follow the end from the beginning."""
        self.anchor()

    # Conversations

    async def show(self, conversation: Conversation | None, model: str) -> None:
        """Show another conversation; an empty one shows the welcome."""
        path = conversation.path() if conversation else ()
        self._branches = conversation.branches if conversation else {}
        self._current = self._welcome = None
        self._has_seen()
        with self.app.batch_update():
            await self._page.show(path, *self._room)
            if not path:
                self._welcome = Welcome()
                await self._page.mount(self._welcome)
                await self.greet(model)
        self.anchor()

    def count_branches(self, conversation: Conversation) -> None:
        """Update the number of branches beside each turn."""
        self._branches = conversation.branches
        for view in self._page.views:
            if view.turn is not None:
                view.foot.branch(*self._branches.get(view.turn.id, (1, 1)))

    async def reveal(self, turn: int) -> None:
        """Move to a turn of the conversation, however far up it is."""
        if self._current is not None:  # The view of a running answer must not be removed.
            while self._page.has_yet_to_show(turn):
                await self._page.earlier(*self._room)
        view = await self._page.reach(turn, *self._room)
        if view is not None:
            self._cursor.put(view, view.parts()[0])
            self.anchor(False)
            self.call_after_refresh(self.scroll_to_widget, view, animate=False, top=True)

    async def greet(self, model: str) -> None:
        """Name the model in the welcome, if it is shown."""
        # Without children it was not mounted after all, since the app is ending.
        if self._welcome is not None and self._welcome.children and model:
            await self._welcome.show(model)

    def note(self, sentence: str) -> None:
        """Add a muted sentence at the end."""
        self._follow()
        self._page.mount(Note(sentence))

    # The running turn

    async def ask(self, prompt: Turn) -> None:
        """Show a prompt and room for its answer, and move to the end."""
        if self._welcome is not None:
            await self._welcome.remove()
            self._welcome = None
        await self._page.to_end(*self._room)
        views = self._page.views
        known = views and views[-1].turn is not None and views[-1].turn.id == prompt.id
        current = AssistantTurn(display=self._display)
        await self._page.mount_all([current] if known else [self._drawn(prompt), current])
        if not known:
            self._page.know(prompt)
        self._current = current  # only now, since it is drawn from now on
        self.anchor()

    def wait(self, sentence: str) -> None:
        """Show in the running turn what is being waited for."""
        if self._current is not None:
            self._current.thought.wait(sentence)

    def think(self, text: str, measures: Measures) -> None:
        """Append to the running turn's thought."""
        if self._current is not None:
            if not self._current.thought.grew:
                self._follow()
            self._current.think(text, measures)

    def say(self, text: str, measures: Measures) -> None:
        """Append to the running turn's answer."""
        if self._current is not None:
            if not self._current.answer.grew:
                self._follow()
            self._current.say(text, measures)

    def know(self, rounds: Sequence[Round], measures: Measures) -> None:
        """Show what is known of the running turn's rounds."""
        if self._current is not None:
            self._follow()
            self._current.know(rounds, measures)

    async def retell(self, thought: str, text: str, measures: Measures) -> None:
        """Replace the running turn's thought and answer."""
        if self._current is None:
            return
        self._follow()
        old, self._current = self._current, None
        current = AssistantTurn(display=self._display)
        await self._page.mount(current, after=old)
        await old.remove()
        if old.thought.rounds:
            current.know(old.thought.rounds, measures)
        if thought:
            current.think(thought, measures)
        if text:
            current.say(text, measures)
        self._current = current

    def end(self, turn: Turn) -> None:
        """End the running turn."""
        if self._current is not None:
            self._follow()
            self._current.end(turn)
            self._page.know(turn)
            self._current = None

    async def take_back(self) -> None:
        """Remove the running turn and its prompt."""
        if self._current is not None:
            current, self._current = self._current, None
            views = self._page.views
            prompt = views[views.index(current) - 1 : views.index(current)]
            await self._page.forget([*prompt, current])

    def draw(self) -> bool:
        """Show new text of the running turn, if it is time; return whether it was."""
        if self._current is None or not self._pace.is_due:
            return False
        self._pace.begin()
        self._note_unseen()
        self._current.draw()
        self.call_after_refresh(self._pace.end)
        return True

    # Folding

    @property
    def thought_display(self) -> Display:
        """How thoughts are shown: ``closed``, ``tail`` or ``open``."""
        return self._display

    @thought_display.setter
    def thought_display(self, display: Display) -> None:
        if display == self._display:
            return
        self._display = display
        blocks = [block for block in self.query(ThoughtBlock) if block.display]
        if any(block.fold != display for block in blocks) and (top := self._top()):
            self._keep_still(top)
        for block in blocks:
            block.show(display)

    def toggle_thoughts(self) -> None:
        """Switch to the next way of showing thoughts."""
        self.thought_display = NEXT[self._display]

    @on(ThoughtBlock.FoldChanged)
    def _fold(self, event: ThoughtBlock.FoldChanged) -> None:
        event.stop()
        if isinstance(view := event.block.parent, TurnView):
            self._keep_still(view)
        event.block.toggle()

    # The cursor

    def on_focus(self) -> None:
        """Show the cursor, at first on the last visible turn."""
        self._enter()
        self._cursor.show(shown=True)

    def on_blur(self) -> None:
        """Hide the cursor."""
        self._cursor.show(shown=False)

    @on(TurnView.Clicked)
    def _clicked(self, event: TurnView.Clicked) -> None:
        event.stop()
        self.focus(scroll_visible=False)
        self._cursor.put(event.view, event.part)

    @on(TurnView.Wanted)
    def _pressed(self, event: TurnView.Wanted) -> None:
        event.stop()
        if self._cursor.view is not event.view:
            self._cursor.put(event.view, event.view.parts()[0])
        self.action_want(event.action)

    async def action_step(self, step: int) -> None:
        """Move the cursor by a part."""
        await self._move(self._cursor.step, step)

    async def action_turn(self, step: int) -> None:
        """Move the cursor by a turn."""
        await self._move(self._cursor.turn, step)

    async def _move(self, move: Callable[[int], bool], step: int) -> None:
        if self._enter():
            return
        if not move(step) and step < 0 and self._page.has_earlier:
            await self._page.earlier(*self._room)
            move(step)
        self._see()

    def _enter(self) -> bool:
        """Put the cursor on the last visible turn, if it is nowhere yet."""
        seen = [view for view in self._page.views if view.region.y < self.region.bottom]
        if self._cursor.view is not None or not seen:
            return False
        self._cursor.put(seen[-1], seen[-1].parts()[0])
        return True

    def action_first(self) -> None:
        """Move the cursor to the first part on the page."""
        if views := self._page.views:
            self._cursor.put(views[0], views[0].parts()[0])
            self.scroll_home(animate=False)

    async def go_to_end(self) -> None:
        """Show the newest text, and follow it."""
        await self._page.to_end(*self._room)
        self.anchor()

    async def action_last(self) -> None:
        """Move the cursor to the last part."""
        await self._page.to_end(*self._room)
        if views := self._page.views:
            self._cursor.put(views[-1], views[-1].parts()[-1])
            self.anchor()

    def action_fold(self) -> None:
        """Fold or unfold the call under the cursor, or the thought of its turn."""
        view = self._cursor.view
        if isinstance(view, AssistantTurn) and view.thought.display:
            self._keep_still(view)
            (view.call(self._cursor.part) or view.thought).toggle()

    def action_more(self) -> None:
        """Show the remaining actions on the turn under the cursor."""
        if self._cursor.view is not None:
            self._cursor.view.foot.action_more()

    def action_want(self, action: Action) -> None:
        """Request an action on the turn under the cursor."""
        view, part = self._cursor.view, self._cursor.part
        if view is None:
            return
        wanted, text = action, view.source(part)
        if wanted == "copy_thought" or wanted == "copy_answer":
            kind: Literal["thought", "answer"] = "thought" if wanted == "copy_thought" else "answer"
            wanted, text = "copy", view.source(Part(kind))
        turn = view.turn.id if view.turn is not None else 0
        if turn or wanted in ("copy", "quote"):
            self.post_message(self.Wanted(wanted, turn, text))

    def _see(self) -> None:
        """Scroll as little as necessary to show the part under the cursor."""
        view = self._cursor.view
        if view is None:
            return
        place = view.place(self._cursor.part).translate(-self.region.offset)
        top, height = place.y + self.scroll_y, self.size.height
        if place.y < 1:
            self.scroll_to(y=top - 1, animate=False)
        elif place.bottom + 1 > height:
            self.scroll_to(y=min(top - 1, top + place.height + 1 - height), animate=False)

    # Scrolling

    @property
    def _is_at_end(self) -> bool:
        return self.scroll_y >= self.max_scroll_y and not self._page.has_later

    def _note_unseen(self) -> None:
        """Note whether new text will be below the visible part."""
        # The view follows its end one frame late.
        is_below, self._was_at_end = not self._was_at_end, self._is_at_end
        if is_below and not self._is_at_end and not self._has_unseen:
            self._has_unseen = True
            self.post_message(self.Grew(below=True))

    def _has_seen(self) -> None:
        if self._has_unseen:
            self._has_unseen = False
            self.post_message(self.Grew(below=False))

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Load turns before the view reaches their position."""
        super().watch_scroll_y(old_value, new_value)
        if self._is_at_end:
            self._has_seen()
        near = self.size.height // 2
        if new_value < min(old_value, near) and self._page.has_earlier:
            self.run_worker(self._more(above=True))
        elif new_value > max(old_value, self.max_scroll_y - near) and self._page.has_later:
            self.run_worker(self._more(above=False))

    @on(More.Wanted)
    async def _wanted(self, event: More.Wanted) -> None:
        await self._more(above=event.above)

    async def _more(self, *, above: bool) -> None:
        if self._growing:
            return
        self._growing = True
        if above:
            await self._page.earlier(*self._room)
        else:
            self.anchor(False)
            await self._page.later(*self._room)
        self._growing = False

    @property
    def _room(self) -> tuple[int, int]:
        """Return the number of visible lines and cells."""
        size = self.size or self.app.size
        return size.height, min(size.width, 100)

    def _follow(self) -> None:
        """Follow the end if the view is there, however it got there."""
        if self._is_at_end:
            self.anchor()

    def _keep_still(self, view: TurnView) -> None:
        """Keep the visible part of a turn in place when its thought is folded."""
        hidden = isinstance(view, AssistantTurn) and view.thought.region.y < self.region.y
        self._page.keep_still(view, below=hidden)

    def _top(self) -> TurnView | None:
        """Return the first turn that is partly visible."""
        top = self.region.y
        return next((view for view in self._page.views if view.region.bottom > top), None)

    def _drawn(self, turn: Turn) -> TurnView:
        view = UserTurn(turn) if turn.role == "user" else AssistantTurn(turn, self._display)
        view.foot.branch(*self._branches.get(turn.id, (1, 1)))
        return view
