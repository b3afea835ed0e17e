"""The terminal app: themes, one screen, one session."""

from __future__ import annotations

import os
from pathlib import Path

from textual.app import App
from textual.theme import Theme

from localqwq.tui.connection import Connection
from localqwq.tui.models import Model
from localqwq.tui.records import Records
from localqwq.tui.screens.chat import ChatScreen
from localqwq.tui.session import Beginning, Session

DARK = Theme(
    name="localqwq",
    primary="#9db4f0",
    secondary="#7f8fb8",
    accent="#e0b882",
    foreground="#d8dbe2",
    background="#15171c",
    surface="#1e2128",
    panel="#262a33",
    success="#9ccf9c",
    warning="#e0b882",
    error="#e08a8a",
    dark=True,
    variables={
        "footer-key-foreground": "#9db4f0",
        "footer-description-foreground": "#8b90a0",
        "block-cursor-foreground": "#15171c",
    },
)


class ChatApp(App[str]):
    """Draws first; opens the conversation and loads the model afterwards.

    `run` returns a sentence when the app ended because there is no model to talk with.
    """

    TITLE = "localqwq"

    def __init__(self, model: Model, conversations: Path, beginning: Beginning) -> None:
        """A chat with `model`, kept in the file `conversations`."""
        super().__init__()
        self._model = model
        self._conversations = conversations
        self._beginning = beginning
        self.session: Session | None = None
        self.register_theme(DARK)
        if "TEXTUAL_THEME" not in os.environ:
            self.theme = DARK.name

    def on_mount(self) -> None:
        """Shows the screen, and begins once it has been painted."""
        screen = ChatScreen()
        self.push_screen(screen)
        screen.call_after_refresh(self._begin, screen)

    def _begin(self, screen: ChatScreen) -> None:
        self.session = Session(
            Records(self._conversations),
            Connection(self._model, screen.post_message),
            screen.post_message,
            self._beginning,
        )
        screen.begin(self.session)

    async def on_unmount(self) -> None:
        """Ends what the session started; what is being said is kept."""
        if self.session is not None:
            await self.session.close()
