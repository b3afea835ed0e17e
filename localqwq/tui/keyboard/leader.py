"""Keys after a leader: an alternative to function keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from textual import events
from textual.app import App
from textual.screen import Screen

from localqwq.tui.commands.table import LEADER, Command, shown


class Leader:
    """Combines the leader and the next key, such as ``ctrl+x h``."""

    def __init__(
        self,
        app: App[Any],
        everywhere: Callable[[Screen[Any]], Iterable[Command]],
        say: Callable[[str], None],
    ) -> None:
        """Set up; ``everywhere``: commands possible in any screen above the chat.

        ``say`` shows a hint until the next key.
        """
        self._app = app
        self._everywhere = everywhere
        self._say = say
        self._leads = False

    def key(self, event: events.Key, *, selected: bool) -> events.Key | None:
        """Return the combined key; None if this one is only a part of it, or has no meaning.

        ``selected``: whether there is text that the leader's key would cut.
        """
        if self._leads:
            self._leads = False
            return self._chord(event.key)
        if event.key != LEADER or selected:
            return event
        self._leads = True
        known = self._known().items()
        self._say(" · ".join(f"{shown(key)} {title}".replace(" ", "\xa0") for key, title in known))
        return None

    def _chord(self, key: str) -> events.Key | None:
        if key == "escape":
            return None
        if key in self._known():
            return events.Key(f"{LEADER} {key}", None)
        self._say(f"{shown(f'{LEADER} {key}')} does nothing here.")
        return None

    def _known(self) -> dict[str, str]:
        """Return the keys with a meaning after the leader now, and their titles."""
        screen = self._app.screen
        known = {
            key.removeprefix(f"{LEADER} "): active.binding.description
            for key, active in screen.active_bindings.items()
            if key.startswith(f"{LEADER} ") and active.enabled
        }
        return known | {one.letter: one.title for one in self._everywhere(screen) if one.letter}
