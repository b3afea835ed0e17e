"""The command palette: commands by name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, Protocol, runtime_checkable

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.screen import Screen

from localqwq.tui.commands.table import TABLE, Command, keys, shown


@runtime_checkable
class Commanded(Protocol):
    """A screen that the palette controls."""

    @property
    def own_keys(self) -> Mapping[str, str]:
        """The keys that a person chose, by command."""

    def use_theme(self, name: str) -> None:
        """Set the theme permanently."""


@runtime_checkable
class Commanding(Protocol):
    """An app with commands that work above the chat."""

    def everywhere(self, screen: Screen[Any]) -> Iterable[Command]:
        """Return the commands that make sense while this screen is shown."""


class CommandProvider(Provider):
    """Provides the commands that are possible now."""

    async def discover(self) -> Hits:
        """Yield all of them, before anything is typed."""
        for command in self._possible():
            run = partial(self.screen.run_action, command.action)
            yield DiscoveryHit(command.title, run, help=self._help(command))

    async def search(self, query: str) -> Hits:
        """Yield those that match the query."""
        matcher = self.matcher(query)
        for command in self._possible():
            score = max(matcher.match(command.title), 0.5 * matcher.match(command.help))
            if score > 0:
                run = partial(self.screen.run_action, command.action)
                yield Hit(score, matcher.highlight(command.title), run, help=self._help(command))

    def _help(self, command: Command) -> str:
        screen = self.screen
        own = screen.own_keys if isinstance(screen, Commanded) else {}
        key = shown(keys(command, own))
        return f"{command.help} ({key})" if key else command.help

    def _possible(self) -> list[Command]:
        return [
            command
            for command in TABLE
            if command.id != "palette" and self.screen.check_action("command", (command.id,))
        ]


class PageProvider(Provider):
    """Provides the actions of a page's keys."""

    async def discover(self) -> Hits:
        """Yield all of them."""
        for title, told, run in self._found():
            yield DiscoveryHit(title, run, help=told)

    async def search(self, query: str) -> Hits:
        """Yield those that match the query."""
        matcher = self.matcher(query)
        for title, told, run in self._found():
            if (score := matcher.match(title)) > 0:
                yield Hit(score, matcher.highlight(title), run, help=told)

    def _found(self) -> Iterator[tuple[str, str, Callable[[], Awaitable[bool]]]]:
        """Yield names, keys and actions: the page's own, and those possible everywhere."""
        seen = set()
        for key, active in self.screen.active_bindings.items():
            binding, own = active.binding, active.node is self.screen
            if own and binding.description and active.enabled and binding.action not in seen:
                seen.add(binding.action)
                run = partial(self.app.run_action, binding.action, self.screen)
                if not binding.action.startswith(("app.", "screen.")):  # those of all screens
                    yield binding.description, binding.key_display or shown(key), run
        if isinstance(self.app, Commanding):
            for command in self.app.everywhere(self.screen):
                run = partial(self.app.run_action, command.action)
                yield command.title, shown(command.keys), run


class ThemeProvider(Provider):
    """Provides the themes, localqwq's own first."""

    async def discover(self) -> Hits:
        """Yield all of them."""
        for name in self._names():
            yield DiscoveryHit(name, partial(self._use, name))

    async def search(self, query: str) -> Hits:
        """Yield those that match the query."""
        matcher = self.matcher(query)
        for name in self._names():
            if (score := matcher.match(name)) > 0:
                yield Hit(score, matcher.highlight(name), partial(self._use, name))

    def _names(self) -> list[str]:
        names = self.app.available_themes
        return sorted(names, key=lambda name: (not name.startswith("localqwq"), name))

    def _use(self, name: str) -> None:
        screen = self.screen
        if isinstance(screen, Commanded):
            screen.use_theme(name)
