"""Reporting ignored request fields and tools: to the client in a header, and once in the log."""

import logging
from collections import Counter
from collections.abc import Collection
from urllib.parse import quote

from starlette.types import Message, Send

from localqwq.visible import visible

_LOGGER = logging.getLogger(__name__)

HEADER = "localqwq-ignored-fields"
_MOST_NAMES = 20
"""Maximum names in one header."""
_LONGEST_NAME = 64
_MOST_KNOWN = 1000
"""Maximum distinct names logged and counted: invented names must not fill the log."""


class IgnoredFields:
    """Remembers what has been logged, and counts tools that were left out."""

    def __init__(self, left_out: Counter[str] | None = None) -> None:
        """Set up; ``left_out`` counts the requests in which a tool was left out, by its name."""
        self._logged: set[str] = set()
        self._left_out = Counter() if left_out is None else left_out

    def told(self, names: Collection[str], send: Send, tools: Collection[str] = ()) -> Send:
        """Return a ``send`` that names these fields in the response's headers, and log new ones.

        ``tools`` are the request's tools that this server lacks, and left out.
        """
        if not names and not tools:
            return send
        fields, hosted = _shortened(names), _shortened(tools)
        for name in fields:
            self._log(
                name, f"A request has the field {visible(name)!r}, which is unknown and ignored."
            )
        for name in hosted:
            if name in self._left_out or len(self._left_out) < _MOST_KNOWN:
                self._left_out[name] += 1
            self._log(
                f"tools.{name}",
                f"A request has the tool {visible(name)!r}, which only the API's provider has; "
                "it was left out.",
            )
        shown = [*fields, *(f"tools.{name}" for name in hosted)]
        header = (HEADER.encode(), ", ".join(map(_quoted, shown)).encode("ascii"))

        async def send_with_names(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], header]}
            await send(message)

        return send_with_names

    def _log(self, name: str, sentence: str) -> None:
        if name not in self._logged and len(self._logged) < _MOST_KNOWN:
            self._logged.add(name)
            _LOGGER.warning("%s", sentence)


def _shortened(names: Collection[str]) -> list[str]:
    return [name[:_LONGEST_NAME] for name in names][:_MOST_NAMES]


def _quoted(name: str) -> str:
    """Return the name in a form that a header can hold."""
    return quote(name, errors="replace")
