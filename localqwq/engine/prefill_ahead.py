"""While the user reads: the history is read again as the next turn will see it.

Chat templates leave thoughts out of earlier turns, so that the next prompt differs from what is in
the KV cache from the last thought on. Reading that part at once, while nobody waits, leaves only
the new message to be read when it comes.
"""

from dataclasses import dataclass, field

from localqwq.engine.generation import Generation
from localqwq.engine.llama.context import CacheFull, Context, Interrupted, Part
from localqwq.engine.llama.model import Model
from localqwq.engine.prompts import variables
from localqwq.engine.sequences import Sequence, Sequences, common_length
from localqwq.engine.templates import TemplateRenderer
from localqwq.errors import LocalqwqError
from localqwq.reasoning.messages import Message, MessageToolCall

_NEXT_MESSAGES: tuple[Message, ...] = (
    {"role": "user", "content": "a"},
    {"role": "user", "content": "Z"},
)
"""Two next messages: where their prompts part, the part that is known already ends."""
_MOST = 4
"""Conversations whose histories wait to be read."""


@dataclass(slots=True, eq=False)
class _History:
    """A conversation that may go on."""

    generation: Generation
    sequence: Sequence
    tokens: list[int] = field(default_factory=list)
    """Empty before they are known."""


class PrefillAhead:
    """The histories that are worth reading, the latest one first."""

    def __init__(self, model: Model, templates: TemplateRenderer, longest: int) -> None:
        """Histories of more than ``longest`` tokens are let be."""
        self._model = model
        self._templates = templates
        self._longest = longest
        self._histories: list[_History] = []

    def after(self, generation: Generation, sequence: Sequence) -> None:
        """A generation has ended, with this sequence in the cache."""
        request = generation.prepared.request
        said = generation.answer or generation.calls
        if request.prompt is None and request.cache_prompt and said and not generation.error:
            self._histories.append(_History(generation, sequence))
            del self._histories[:-_MOST]

    @property
    def any(self) -> bool:
        """Whether there is something to read."""
        return bool(self._histories)

    def step(self, context: Context, sequences: Sequences) -> None:
        """Read one batch; raises nothing, and may be ended half-way by the context's flag."""
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
        """Decode the next batch of a history; whether that was all."""
        sequence, tokens = history.sequence, history.tokens
        sequences.cut(sequence, common_length(sequence.tokens, tokens, len(tokens)))
        at = len(sequence.tokens)
        batch = tokens[at : at + context.room]
        if batch:
            context.decode([Part(sequence.id, at, batch, 0)])
            sequence.tokens.extend(batch)
        return len(sequence.tokens) == len(tokens)

    def _render(self, generation: Generation) -> list[int]:
        """The tokens that every next prompt of the conversation begins with; none if unknown."""
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
        except LocalqwqError:  # a template that wants something else; the next turn will tell
            return []
        tokens = first[: common_length(first, second, len(first))]
        return tokens if len(tokens) < self._longest else []


def _answer(generation: Generation) -> Message:
    """What the model said, as clients send it back."""
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
