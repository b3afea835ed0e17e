"""Prefilling history while the user reads, as the next turn will contain it.

Chat templates leave thoughts out of earlier turns, so the next prompt differs from the KV cache
from the last thought on. Prefilling that part while idle leaves only the new message to be
processed when it arrives.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from localqwq.engine.generation import Generation
from localqwq.engine.llama.context import CacheFull, Context, Interrupted, Part
from localqwq.engine.llama.model import Model
from localqwq.engine.prompts import variables
from localqwq.engine.sequences import Sequence, Sequences
from localqwq.engine.templates import TemplateRenderer
from localqwq.errors import LocalqwqError
from localqwq.reasoning.beginnings import common_length
from localqwq.reasoning.messages import Message, MessageToolCall
from localqwq.reasoning.turn_thoughts import KEEP

_NEXT_MESSAGES: tuple[Message, ...] = (
    {"role": "user", "content": "a"},
    {"role": "user", "content": "Z"},
)
"""Two possible next messages: the prompts are known up to where they differ."""
_MOST = 4
"""Maximum number of conversations waiting to be prefilled."""


@dataclass(slots=True, eq=False)
class _History:
    """A conversation that may continue."""

    generation: Generation
    sequence: Sequence
    tokens: list[int] = field(default_factory=list)
    """Its tokens; empty until they are known."""


class PrefillAhead:
    """The histories worth prefilling, the latest first."""

    def __init__(
        self, model: Model, templates: TemplateRenderer, longest: Callable[[], int]
    ) -> None:
        """Set up; histories of more than ``longest`` tokens are ignored."""
        self._model = model
        self._templates = templates
        self._longest = longest
        self._histories: list[_History] = []

    def after(self, generation: Generation, sequence: Sequence) -> None:
        """Note that a generation has ended, with this sequence in the cache."""
        request = generation.prepared.request
        if generation.calls and request.template_variables.get(KEEP):
            return  # the next prompt continues what is in the cache
        said = generation.answer or generation.calls
        if request.prompt is None and request.cache_prompt and said and not generation.error:
            self._histories.append(_History(generation, sequence))
            del self._histories[:-_MOST]

    @property
    def any(self) -> bool:
        """Return whether there is anything to prefill."""
        return bool(self._histories)

    def step(self, context: Context, sequences: Sequences) -> None:
        """Prefill one batch; raises nothing, and may be aborted by the context's flag."""
        history = self._histories[-1]
        if not history.tokens:
            history.tokens = self._render(history.generation)
        if not (history.tokens and sequences.take(history.sequence)):
            self._histories.pop()
            return
        finished = True
        try:
            finished = self._read(history, context, sequences)
        except Interrupted:
            finished = False
        except (CacheFull, LocalqwqError):
            sequences.cut(history.sequence, 0)
        finally:
            sequences.close(history.sequence)
            if finished:
                self._histories.pop()

    def _read(self, history: _History, context: Context, sequences: Sequences) -> bool:
        """Decode the next batch of a history; return whether it is complete."""
        sequence, tokens = history.sequence, history.tokens
        sequences.cut(sequence, common_length(sequence.tokens, tokens, len(tokens)))
        at = len(sequence.tokens)
        batch = tokens[at : at + context.room]
        if batch:
            context.decode([Part(sequence.id, at, batch, 0)])
            sequence.tokens.extend(batch)
        return len(sequence.tokens) == len(tokens)

    def _render(self, generation: Generation) -> list[int]:
        """Return the tokens that every next prompt of the conversation begins with; none if
        unknown.
        """
        request = generation.prepared.request
        history = [*request.history, _answer(generation)]
        try:
            first, second = (
                self._model.tokenize_apart(
                    self._templates.render(
                        [*history, message], request.tools, variables(self._templates, request)
                    )
                )
                for message in _NEXT_MESSAGES
            )
        except LocalqwqError:  # the template requires something else; the next turn will show
            return []
        tokens = first[: common_length(first, second, len(first))]
        return tokens if len(tokens) < self._longest() else []


def _answer(generation: Generation) -> Message:
    """Return the model's answer as clients send it back."""
    request = generation.prepared.request
    begun = request.messages[-1]["content"] if request.continue_final_message else ""
    message: Message = {"role": "assistant", "content": begun + "".join(generation.answer)}
    if generation.calls:
        message["tool_calls"] = [
            MessageToolCall(
                id=call.id,
                type="function",
                function={"name": call.name, "arguments": call.arguments},
            )
            for call in generation.calls
        ]
    return message
