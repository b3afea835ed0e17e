"""The output of ``ask``: text as it arrives, or one JSON document at the end."""

import sys
import time
from collections.abc import Callable
from typing import Any, Literal

from localqwq.cli.terminal_text import CLEAR_LINE, control
from localqwq.client.collected import Collected
from localqwq.reasoning.events import (
    Answer,
    ContextChanged,
    Event,
    Finish,
    PromptProgress,
    Reclassified,
    Thought,
)

_DIM, _PLAIN = "\x1b[2m", "\x1b[0m"
_LONG_PROMPT = 2048
"""Tokens; the progress of shorter prompts is not shown."""
_HOLD = 20.0
"""Seconds to hold back text that may turn out to be a thought."""


class AnswerPrinter:
    """Write the answer to stdout; thoughts and status to stderr."""

    def __init__(self, *, thoughts: bool, clock: Callable[[], float] = time.monotonic) -> None:
        """Set up; ``thoughts``: whether to show them. ``clock`` returns seconds."""
        self._thoughts = thoughts
        self._clock = clock
        self._told: list[str] = []  # it may be reclassified
        self._holds = False
        self._held_since: float | None = None
        self._terminal = sys.stderr.isatty()
        self._status_shown = False
        self._writing: Literal["thought", "answer"] | None = None
        self._last = ""
        """The last character written."""
        self.has_begun = False
        """Whether any of the answer, its thought or notes was written."""

    def status(self, text: str) -> None:
        """Show a status line that the next output replaces; only on terminals."""
        if self._terminal:
            control(sys.stderr, CLEAR_LINE + _DIM)
            sys.stderr.write(text)
            control(sys.stderr, _PLAIN)
            sys.stderr.flush()
            self._status_shown = True

    def hold(self) -> None:
        """Hold the answer's first text back for a while: it may turn out to be a thought.

        Not on a terminal, where a person can tell.
        """
        self._holds = not sys.stdout.isatty()

    def take(self, event: Event) -> None:
        """Show one event."""
        match event:
            case PromptProgress(done, total, cached):
                if done < total and total - cached > _LONG_PROMPT:
                    self.status(f"Reading the prompt: {done:,} of {total:,} tokens")
            case ContextChanged(context, factor):
                self.end()
                scaling = f" (YaRN factor {factor:g})" if factor > 1 else ""
                print(f"The context now has {context:,} tokens{scaling}.", file=sys.stderr)
            case Thought(text):
                self._release()  # whatever follows a thought is the answer
                self._told.append(text)
                self._think(text)
            case Answer(text):
                self._told.append(text)
                self._answer(text)
            case Reclassified(to):
                self._reclassify(to)
            case Finish(reason, thought=thought):
                self.close()
                self._told.clear()  # a later answer cannot change what this one was
                part = "thought" if thought == "unfinished" else "answer"
                if reason == "length":
                    print(
                        f"The {part} was cut off: the token limit or the context is used up.",
                        file=sys.stderr,
                    )
                elif reason == "loop":
                    print("The answer kept repeating itself and was stopped.", file=sys.stderr)

    def note(self, text: str) -> None:
        """Write a line of its own to stderr, about what happens beside the answer."""
        self.close()
        self.has_begun = True
        if self._terminal:
            control(sys.stderr, _DIM)
        sys.stderr.write(text)
        if self._terminal:
            control(sys.stderr, _PLAIN)
        print(file=sys.stderr, flush=True)

    def close(self) -> None:
        """Write what was held back, and finish, even if the answer failed."""
        self._release()
        self.end()

    def end(self) -> None:
        """Finish the current line."""
        self._clear_status()
        if self._writing == "thought":
            if self._terminal:
                control(sys.stderr, _PLAIN)
            print(end="\n" if self._last == "\n" else "\n\n", file=sys.stderr, flush=True)
        elif self._writing == "answer" and self._last != "\n":
            print(flush=True)
        self._writing = None

    def _think(self, text: str) -> None:
        if self._thoughts:
            self._write("thought", text)
        else:
            self.status("Thinking …")

    def _answer(self, text: str) -> None:
        if not self._holds:
            self._write("answer", text)
            return
        if self._held_since is None:
            self._held_since = self._clock()
        if self._clock() - self._held_since >= _HOLD:
            self._release()

    def _release(self) -> None:
        """Write what was held back."""
        if self._holds:
            self._holds = False
            if self._told:
                self._write("answer", "".join(self._told))

    def _reclassify(self, to: Literal["thought", "answer"]) -> None:
        """Write all text so far to its proper stream, unless it was written there already."""
        text, self._told = "".join(self._told), []
        held, self._holds = self._holds, False
        if to == "answer":
            self.end()
            self._write("answer", text)
        elif held:
            self._think(text)
        elif text:
            self.end()
            print(
                "The text so far was the model's thought, not its answer; this is remembered for "
                "this endpoint.",
                file=sys.stderr,
            )

    def _write(self, kind: Literal["thought", "answer"], text: str) -> None:
        stream = sys.stderr if kind == "thought" else sys.stdout
        if self._writing != kind:
            text = text.lstrip()  # the blank lines around the tags
            if not text:
                return
            self.end()
            self._writing = kind
            if kind == "thought" and self._terminal:
                control(stream, _DIM)
        if text:
            self.has_begun = True
            stream.write(text)
            stream.flush()
            self._last = text[-1]

    def _clear_status(self) -> None:
        if self._status_shown:
            self._status_shown = False
            control(sys.stderr, CLEAR_LINE)
            sys.stderr.flush()


def as_json(collected: Collected, model: str | None) -> dict[str, Any]:
    """Return a whole answer as ``ask --json`` prints it; ``model`` is the id of the model."""
    finish = collected.finish
    assert finish is not None
    usage, timings = finish.usage, finish.timings
    return {
        "model": model,
        "reasoning": collected.thought,
        "answer": collected.answer,
        "tool_calls": [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in collected.calls
        ],
        "finish_reason": finish.reason,
        "thought_end": finish.thought,
        "usage": {
            "prompt_tokens": usage.prompt_tokens,
            "cached_tokens": usage.cached_tokens,
            "reasoning_tokens": usage.reasoning_tokens,
            "completion_tokens": usage.completion_tokens,
            "total_tokens": usage.total_tokens,
        },
        "timings": {
            "load_s": timings.load_s,
            "first_token_s": timings.first_token_s,
            "prompt_tps": timings.prompt_tps,
            "generate_tps": timings.generate_tps,
        },
        "sampling": finish.sampling,
        "seed": finish.sampling.get("seed"),
    }
