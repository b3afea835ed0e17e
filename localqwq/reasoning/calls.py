"""The body of one tool call, read while it is generated; a pure state machine.

A body is ``{"name": …, "arguments": {…}}``. Where it is written in that order, as the models' own
templates have it, name and arguments are known before the end. Any other order is left to whoever
has the whole body.
"""

import json
import re

_HEADER = re.compile(
    r'\s*\{\s*"name"\s*:\s*("(?:[^"\\]|\\.)*")\s*,\s*"arguments"\s*:\s*\{', re.DOTALL
)
_ESCAPES = {code: json.dumps(chr(code))[1:-1] for code in range(0x20)}


class CallReader:
    """Follows one body, whatever pieces it comes in."""

    def __init__(self) -> None:
        self.name: str | None = None
        """Known as soon as the arguments begin, and only where they are an object after it."""
        self.in_string = False
        """The next character belongs to a JSON string."""
        self.arguments_closed = False
        self._header: list[str] | None = []
        self._arguments: list[str] = []
        self._depth = 0
        self._escaped = False

    @property
    def arguments(self) -> str:
        """The JSON text of the arguments, as far as it was read."""
        return "".join(self._arguments)

    def feed(self, text: str) -> str:
        """What the next piece of the body adds to the arguments' JSON text.

        Models write line breaks and tabs into strings, which JSON forbids: they come out escaped.
        """
        added: list[str] = []
        for character in text:
            telling = self.name is not None and not self.arguments_closed
            written = self._step(character)
            if self._header is not None:
                self._header.append(character)
                if self._depth == 2:
                    self._end_header()
                    telling = self.name is not None
            if telling:
                added.append(written)
                self.arguments_closed = self._depth < 2
        self._arguments += added
        return "".join(added)

    def _step(self, character: str) -> str:
        """Follow strings and nesting over one character; returns it as JSON has it there."""
        if self.in_string:
            if self._escaped:
                self._escaped = False
            elif character == "\\":
                self._escaped = True
            elif character == '"':
                self.in_string = False
            return _ESCAPES.get(ord(character), character)
        if character == '"':
            self.in_string = True
        elif character in "{[":
            self._depth += 1
        elif character in "}]":
            self._depth -= 1
        return character

    def _end_header(self) -> None:
        """The second bracket has opened: if what stands before it is as expected, it is told."""
        header, self._header = "".join(self._header or ()), None
        if match := _HEADER.fullmatch(header):
            try:
                self.name = json.loads(match[1], strict=False) or None
            except ValueError:  # an escape that JSON has not
                return
