"""Reporting unknown request fields: to the client in a header, and once in the log."""

import sys
from collections.abc import Collection
from urllib.parse import quote

from starlette.types import Message, Send

from localqwq.visible import visible

HEADER = "localqwq-ignored-fields"
_MOST_NAMES = 20
"""Maximum names in one header."""
_LONGEST_NAME = 64
_MOST_KNOWN = 1000
"""Maximum distinct names logged: invented names must not fill the log."""


class IgnoredFields:
    """Remembers which fields have been logged."""

    def __init__(self) -> None:
        self._logged: set[str] = set()

    def told(self, names: Collection[str], send: Send) -> Send:
        """Return a ``send`` that names these fields in the response's headers, and log new ones."""
        if not names:
            return send
        shown = [name[:_LONGEST_NAME] for name in names][:_MOST_NAMES]
        self._log(shown)
        header = (HEADER.encode(), ", ".join(map(_quoted, shown)).encode("ascii"))

        async def send_with_names(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], header]}
            await send(message)

        return send_with_names

    def _log(self, names: Collection[str]) -> None:
        for name in names:
            if name not in self._logged and len(self._logged) < _MOST_KNOWN:
                self._logged.add(name)
                print(
                    f"A request has the field {visible(name)!r}, which is unknown and ignored.",
                    file=sys.stderr,
                    flush=True,
                )


def _quoted(name: str) -> str:
    """Return the name in a form that a header can hold."""
    return quote(name, errors="replace")
