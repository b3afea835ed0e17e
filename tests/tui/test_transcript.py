"""The transcript on its own: what is on it, what moves, and what keys and clicks want."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from textual import on
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.pilot import Pilot
from textual.widgets import Input

from localqwq.conversations.turns import Attachment, Conversation, Measures, Turn
from localqwq.tui.widgets.transcript.foot import Foot
from localqwq.tui.widgets.transcript.lines import Lines
from localqwq.tui.widgets.transcript.page import More
from localqwq.tui.widgets.transcript.redraw_pace import REDRAW_SECONDS
from localqwq.tui.widgets.transcript.thought import TAIL_LINES, ThoughtBlock, ThoughtHeader
from localqwq.tui.widgets.transcript.transcript import Transcript
from localqwq.tui.widgets.transcript.turns import AssistantTurn, TurnView, UserTurn

ANSWER = "Hello **there**.\n\n- one\n- two \\( x^2 \\)\n\n```py\nx = 1\n```\n"
THOUGHT = "\n".join(f"Thought {n}" for n in range(30))
MEASURES = Measures(thought_seconds=42.3, thought_tokens=1310)


class Host(App[None]):
    """A transcript above something else that has the focus."""

    def __init__(self) -> None:
        super().__init__()
        self.wanted: list[tuple[str, int, str]] = []

    def compose(self) -> ComposeResult:
        """As on the chat's screen."""
        yield Transcript()
        yield Input()

    def on_mount(self) -> None:
        """Typing goes to the input; what comes is drawn as on the chat's screen."""
        self.query_one(Input).focus()
        self.set_interval(REDRAW_SECONDS, self.query_one(Transcript).draw)

    @on(Transcript.Wanted)
    def _want(self, event: Transcript.Wanted) -> None:
        self.wanted.append((event.action, event.turn, event.text))


class Stage:
    """The app, its pilot and its transcript."""

    def __init__(self, app: Host, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot
        self.transcript = app.query_one(Transcript)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Waits for a condition."""
        for _ in range(1000):
            if condition():
                return
            await self.pilot.pause(0.01)
        raise AssertionError(f"never came true:\n{self.text()}")

    def text(self) -> str:
        """What the transcript shows on the screen, line by line."""
        view = self.transcript.region
        rows = [""] * view.height
        for widget in self.transcript.query("*"):
            seen = widget.region.intersection(view)
            if not widget.children and seen:
                strips = widget.render_lines(seen.translate(-widget.region.offset))
                for row, strip in enumerate(strips, seen.y - view.y):
                    rows[row] += strip.text.rstrip()
        return "\n".join(rows)

    def row(self, text: str) -> int:
        """The line of the screen that has `text`; -1 for none."""
        lines = self.text().split("\n")
        return next((row for row, line in enumerate(lines) if text in line), -1)

    async def sees(self, text: str) -> None:
        """Waits until it is on the screen."""
        await self.until(lambda: self.row(text) >= 0)


@asynccontextmanager
async def stage(size: tuple[int, int] = (80, 24)) -> AsyncIterator[Stage]:
    """The app on a terminal of that size."""
    app = Host()
    async with app.run_test(size=size) as pilot:
        yield Stage(app, pilot)


def conversation(*turns: Turn) -> Conversation:
    """A conversation that stands at the last of these turns."""
    return Conversation(1, head=turns[-1].id, turns={turn.id: turn for turn in turns})


def exchanges(number: int) -> Conversation:
    """Prompts and answers, turn about."""
    turns = [
        Turn(n, n - 1 or None, "user", f"Prompt {n}")
        if n % 2
        else Turn(n, n - 1, "assistant", f"Answer {n}", f"thought {n}", measures=MEASURES)
        for n in range(1, 2 * number + 1)
    ]
    return conversation(*turns)


PAIR = conversation(
    Turn(1, None, "user", "Say hello", attachments=(Attachment("notes.txt", "text", 1200),)),
    Turn(9, 1, "assistant", "Another."),
    Turn(2, 1, "assistant", ANSWER, THOUGHT, measures=MEASURES),
)


async def test_an_answer_is_shown_as_it_is_meant() -> None:
    """Markdown, mathematics, code, chips, and how long the thought was."""
    async with stage() as at:
        await at.transcript.show(PAIR, "demo")
        for text in ("Say hello", "notes.txt 1,200 tokens", "Hello there.", "• one", "two x²"):
            await at.sees(text)
        await at.sees("Thought for 42 s, 1,310 tokens")
        assert at.row("x = 1") > at.row("two x²")
        assert "```" not in at.text()


async def test_a_thought_has_three_states() -> None:
    """Its last lines while it grows, nothing when it is over; one key for all, a click for one."""
    async with stage() as at:
        await at.transcript.ask(Turn(1, None, "user", "Go on"))
        at.transcript.wait("Reading …")
        await at.sees("Reading …")
        at.transcript.think(THOUGHT, Measures(thought_tokens=31, thought_seconds=2))
        await at.sees("Thought 29")
        assert at.row("Thought 29") - at.row("Thinking… ") == TAIL_LINES
        assert "31 tokens" in at.text()
        block = at.app.query_one(ThoughtBlock)
        at.transcript.toggle_thoughts()
        await at.until(lambda: block.query_one(Lines).size.height == 30)
        at.transcript.toggle_thoughts()
        await at.until(lambda: at.row("Thought") < 0)
        at.transcript.toggle_thoughts()
        await at.sees("Thought 29")
        at.transcript.say("The answer.", MEASURES)
        await at.sees("Thought for 42 s, 1,310 tokens")
        await at.sees("The answer.")
        assert block.fold == "closed"
        await at.pilot.click(ThoughtHeader)
        await at.sees("Thought 12")
        await at.pilot.click(ThoughtHeader)
        await at.until(lambda: at.row("Thought 12") < 0)
        at.transcript.end(Turn(2, 1, "assistant", "The answer.", THOUGHT, "stopped"))
        await at.sees("Stopped.")


async def test_a_turn_is_as_high_as_what_is_in_it() -> None:
    """Also where the screen is laid out between a piece of the answer and its drawing."""
    async with stage() as at:
        await at.transcript.ask(Turn(1, None, "user", "Go on"))
        view = at.app.query_one(AssistantTurn)
        at.transcript.say("One\n\nTwo", MEASURES)
        await at.sees("Two")
        at.transcript.end(Turn(2, 1, "assistant", "One\n\nTwo", "", "stopped"))
        await at.sees("Stopped.")
        assert view.size.height == view.foot.region.bottom - view.region.y


async def test_a_frame_may_be_painted_after_a_turn_was_removed() -> None:
    """What is gone is painted once more at times, until the next layout."""
    async with stage() as at:
        await at.transcript.show(PAIR, "demo")
        await at.sees("x = 1")
        view = at.app.query_one(AssistantTurn)
        answer, header = view.answer, view.thought.query_one(ThoughtHeader)
        await view.remove()
        header.update("Removed")
        for widget in (answer, header):
            assert len(widget.render_lines(Region(0, 0, 80, 3))) == 3


async def test_the_view_follows_the_end_only_from_there() -> None:
    """Who has scrolled up is left alone; who comes back goes along again."""
    async with stage() as at:
        await at.transcript.ask(Turn(1, None, "user", "Go on"))

        async def add(first: int) -> None:
            for n in range(first, first + 10):
                at.transcript.say(f"Line {n}\n\n", Measures())
            lines = at.app.query_one(AssistantTurn).answer
            steps = -(-(2 * first + 19) // lines.step)
            await at.until(lambda: lines.size.height == steps * lines.step)

        await add(0)
        await add(10)
        await at.sees("Line 19")
        at.transcript.scroll_to(y=3, animate=False)
        await at.until(lambda: at.row("Line 19") < 0)
        await add(20)
        assert at.transcript.scroll_y == 3
        at.transcript.scroll_end(animate=False)
        await at.sees("Line 29")
        await add(30)
        await at.sees("Line 39")


async def test_unfolding_moves_nothing_above_it() -> None:
    """The header stays where it is, also when the view followed the end."""
    async with stage() as at:
        await at.transcript.show(PAIR, "demo")
        await at.sees("x = 1")
        at.transcript.focus()
        row = at.row("Thought for")
        await at.pilot.press("up", "down", "enter")
        await at.sees("Thought 12")
        assert at.row("Thought for") == row
        await at.pilot.press("enter")
        await at.until(lambda: at.row("Thought 12") < 0)
        assert at.row("Thought for") == row


async def test_unfolding_everything_moves_nothing_that_is_read() -> None:
    """Thoughts above the view grow and shrink, and the line stays where it is."""
    turns = list(exchanges(6).turns.values())
    text = "word\n\n" * 30 + "here\n\n" + "word\n\n" * 30
    turns[5] = Turn(6, 5, "assistant", text, THOUGHT, measures=MEASURES)
    async with stage() as at:
        await at.transcript.show(conversation(*turns), "demo")
        await at.transcript.reveal(6)
        await at.sees("Thought for")

        def came_down_to_it() -> bool:
            if at.row("here") < 0:  # however long it takes until all of it is laid out
                at.transcript.scroll_relative(y=4, animate=False)
            return 0 <= at.row("here") < 20

        rows: list[int] = []

        def rests() -> bool:
            rows.append(at.row("here"))
            return len(rows) > 20 and len(set(rows[-20:])) == 1

        await at.until(came_down_to_it)
        await at.until(rests)  # the last step down may not have been drawn yet
        row, heights = at.row("here"), [at.transcript.max_scroll_y]
        for state in ("open", "closed", "tail"):
            at.transcript.toggle_thoughts()
            assert at.transcript.thought_display == state
            await at.until(lambda: at.transcript.max_scroll_y != heights[-1])
            heights.append(at.transcript.max_scroll_y)
            rows.clear()
            await at.until(rests)  # nobody presses the key again while it is being drawn
            assert at.row("here") == row


async def test_keys_reach_every_part_and_want_things() -> None:
    """Source text for copies, the turn for the rest."""
    async with stage() as at:
        await at.transcript.show(PAIR, "demo")
        await at.sees("x = 1")
        await at.pilot.press("shift+tab")
        assert at.app.focused is at.transcript
        await at.pilot.press("c", "down", "c", "down", "q", "down", "y", "a", "t", "r", "o", "h")
        await at.pilot.press("up", "home", "e", "delete", "c", "end", "c")
        await at.until(lambda: len(at.app.wanted) == 13)
        assert at.app.wanted == [
            ("copy", 2, THOUGHT),
            ("copy", 2, "Hello **there**."),
            ("quote", 2, "- one\n- two \\( x^2 \\)"),
            ("copy", 2, "x = 1"),
            ("copy", 2, ANSWER),
            ("copy", 2, THOUGHT),
            ("regenerate", 2, "x = 1"),
            ("continue", 2, "x = 1"),
            ("edit_thought", 2, "x = 1"),
            ("edit", 1, "Say hello"),
            ("remove", 1, "Say hello"),
            ("copy", 1, "Say hello"),
            ("copy", 2, "x = 1"),
        ]


async def test_clicks_do_what_keys_do() -> None:
    """A click takes the cursor; the labels under the turn are for clicking, branches among them."""
    async with stage() as at:
        await at.transcript.show(PAIR, "demo")
        await at.sees("‹ 1/2 ›")
        assert "copy" not in at.text()
        answer = at.app.query_one(AssistantTurn)
        await at.pilot.click(answer.answer, offset=(4, 2))
        await at.sees("c copy")
        assert at.app.focused is at.transcript
        foot = answer.query_one(Foot)
        await at.pilot.click(
            foot, offset=(2 + at.text().split("\n")[at.row("c copy")].index("c copy") - 2, 0)
        )
        await at.until(lambda: at.app.wanted == [("copy", 2, "- one\n- two \\( x^2 \\)")])
        await at.pilot.click(foot, offset=(2, 0))
        await at.pilot.click(foot, offset=(8, 0))
        await at.until(lambda: len(at.app.wanted) == 3)
        assert [action for action, _, _ in at.app.wanted[1:]] == ["older", "newer"]
        await at.pilot.click(Input)
        await at.until(lambda: "copy" not in at.text())


async def test_a_long_conversation_opens_at_its_end() -> None:
    """Older turns come when the view gets there, and nothing moves when they do."""
    async with stage() as at:
        await at.transcript.show(exchanges(250), "demo")
        await at.sees("Answer 500")
        assert len(at.app.query(TurnView)) < 60
        assert "earlier turns" in str(at.app.query_one(More).render())
        shown = len(at.app.query(TurnView))
        top = at.app.query(TurnView).first()
        place = top.region.y + at.transcript.scroll_y
        at.transcript.scroll_to(y=5, animate=False)
        await at.until(lambda: len(at.app.query(TurnView)) > shown)
        await at.until(lambda: at.transcript.scroll_y > 5)
        await at.pilot.pause()
        assert top.region.y == place - 5


async def test_any_turn_can_be_gone_to() -> None:
    """Also one that is not on the page yet; keys go on from there."""
    async with stage() as at:
        await at.transcript.show(exchanges(100), "demo")
        await at.sees("Answer 200")
        await at.transcript.reveal(77)
        await at.sees("Prompt 77")
        at.transcript.focus()
        await at.pilot.press("ctrl+up", "ctrl+up", "ctrl+up", "c")
        await at.until(lambda: at.app.wanted == [("copy", 74, "thought 74")])
        assert at.row("Answer 74") >= 0
        await at.transcript.reveal(12345)


async def test_the_cursor_leaves_a_conversation_that_is_shown_no_more() -> None:
    """Its turns are gone when somebody clicks on one of the next."""
    async with stage() as at:
        for text in ("First", "Second"):
            await at.transcript.show(conversation(Turn(1, None, "user", text)), "demo")
            await at.sees(text)
            await at.pilot.click(UserTurn, offset=(4, 0))
            await at.until(lambda: at.app.query_one("#prompt").has_class("-marked"))
        await at.pilot.press("c")
        await at.until(lambda: at.app.wanted == [("copy", 1, "Second")])


async def test_a_prompt_that_is_shown_is_not_shown_twice() -> None:
    """An answer may begin under a prompt that was there; taken back, both are gone."""
    async with stage() as at:
        prompt = Turn(1, None, "user", "Say hello")
        await at.transcript.show(conversation(prompt), "demo")
        await at.transcript.ask(prompt)
        assert len(at.app.query(UserTurn)) == 1
        at.transcript.say("Hello", Measures())
        await at.sees("Hello")
        await at.transcript.take_back()
        assert not at.app.query(TurnView)


async def test_what_is_selected_is_what_is_seen() -> None:
    """The mouse takes text as it is shown, lines as lines."""
    async with stage() as at:
        await at.transcript.show(PAIR, "demo")
        await at.sees("x = 1")
        answer = at.app.query_one(AssistantTurn).answer
        await at.pilot.mouse_down(answer, offset=(8, 0))
        await at.pilot.hover(answer, offset=(8, 3))
        await at.pilot.mouse_up(answer, offset=(8, 3))
        await at.until(lambda: at.app.screen.get_selected_text() is not None)
        assert at.app.screen.get_selected_text() == "there.\n\n • one\n • two "
        assert at.app.wanted == []


async def test_links_open() -> None:
    """A click on a link opens it, and the cursor stays where it is."""
    opened: list[str] = []
    async with stage() as at:
        at.app.open_url = lambda url, *, new_tab=True: opened.append(url)  # type: ignore[method-assign]
        answer = Turn(2, 1, "assistant", "See [the page](https://example.org) there.")
        await at.transcript.show(conversation(Turn(1, None, "user", "Where?"), answer), "demo")
        await at.sees("See the page there.")
        await at.pilot.click(at.app.query_one(AssistantTurn).answer, offset=(8, 0))
        await at.until(lambda: opened == ["https://example.org"])
        assert at.app.focused is not at.transcript
