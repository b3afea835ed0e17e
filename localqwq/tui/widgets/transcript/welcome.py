"""The content of an empty conversation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from localqwq.demo import DEMO
from localqwq.tui.commands.palette import Commanded
from localqwq.tui.commands.table import COMMANDS, keys, shown
from localqwq.tui.first_run import FirstSteps, FirstStepsView

DEMO_EXAMPLES = (
    "Which is larger, 9.9 or 9.11?",
    "How many r's are in the word strawberry?",
    "What is 487 + 256?",
)


def ways(own: Mapping[str, str]) -> Iterator[Content]:
    """Yield what can be done besides asking; ``own``: custom keys, by command."""
    for key, command, text in (
        ("@", "", "attaches a file: text, PDF, office documents"),
        ("/", "", "runs a command, such as /settings"),
        (shown(keys(COMMANDS["help"], own)), "help", "lists all commands and their keys"),
    ):
        named = Content.styled(f"{key:>3}", "bold $primary")
        if command:  # one of our own words
            named = Content.from_markup(
                f"[@click=screen.command('{command}')][b $primary]$key[/][/]", key=f"{key:>3}"
            )
        yield Content.assemble(named, (f"  {text}", "$text-muted"))


class Example(Static, can_focus=True):
    """An example prompt: click it, or focus it with Tab and press Enter."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "choose", "Try", show=False),
        Binding("down", "app.focus_next", show=False),
        Binding("up", "app.focus_previous", show=False),
    ]

    @dataclass
    class Chosen(Message):
        """It was chosen."""

        text: str

    def __init__(self, text: str) -> None:
        super().__init__(Content(f"› {text}"))
        self._example = text

    def on_click(self, event: events.Click) -> None:
        """Choose this example."""
        event.stop()
        self.action_choose()

    def action_choose(self) -> None:
        """Ask this example."""
        self.post_message(self.Chosen(self._example))


class Welcome(Vertical):
    """Introduces the model, with examples for the demo, and suggests a larger model."""

    class Shown(Message):
        """It is shown and can be filled."""

    def compose(self) -> ComposeResult:
        """Show two lines, and room for examples, actions and first steps."""
        yield Static("localqwq", id="name")
        yield Static("", id="model")
        yield Vertical(id="examples")
        yield Static("", id="ways")
        steps = FirstStepsView()
        steps.display = False
        yield steps

    def on_mount(self) -> None:
        """Tell the screen, which knows what to show."""
        self.post_message(self.Shown())

    async def show(self, model: str) -> None:
        """Name the model; for the demo, show examples."""
        demo = model.partition(" ")[0] == DEMO
        line = (
            "The demo is a tiny model that thinks before it answers. It adds, compares decimals "
            "and counts letters; ask it:"
            if demo
            else f"{model} is ready. Ask it anything."
        )
        self.query_one("#model", Static).update(Content(line))
        examples = self.query_one("#examples")
        examples.display = demo
        own = self.screen.own_keys if isinstance(self.screen, Commanded) else {}
        self.query_one("#ways", Static).update(Content("\n").join(ways(own)))
        if not demo:
            await examples.remove_children()
        elif not examples.children:
            await examples.mount(*(Example(text) for text in DEMO_EXAMPLES))

    def introduce(self, steps: FirstSteps | None) -> None:
        """Show below what larger model is possible, instead of other actions; None shows
        nothing.
        """
        # It may come before :class:`Shown`, and while this is removed.
        for ways in self.query("#ways"):
            ways.display = steps is None
        for view in self.query(FirstStepsView):
            view.show(steps)
