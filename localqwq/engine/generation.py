"""One request in the engine: its tokens, their meaning, and its end."""

from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol

from localqwq.engine.forms import Forms, may_list_calls
from localqwq.engine.llama.detokenizer import Detokenizer
from localqwq.engine.llama.library import binding
from localqwq.engine.llama.model import Model
from localqwq.engine.llama.sampler import BAN, sampler_chain
from localqwq.engine.prompts import Prompt
from localqwq.engine.request import GenerationRequest
from localqwq.errors import LocalqwqError
from localqwq.gguf.sampling import Sampling
from localqwq.reasoning.budget import ThoughtControl
from localqwq.reasoning.events import (
    Answer,
    Event,
    Finish,
    FinishReason,
    PromptLogprobs,
    PromptProgress,
    ThoughtEnd,
    Timings,
    TokenLogprob,
    ToolCall,
    Usage,
)
from localqwq.reasoning.parser import Parser, Piece, Tags
from localqwq.reasoning.plain import PlainText, TokenParser
from localqwq.reasoning.stops import AnswerStops
from localqwq.reasoning.tags import CALL_TAGS, LISTED_CALL_TAGS, THOUGHT_TAGS, Tag
from localqwq.reasoning.watch import Watch

if TYPE_CHECKING:
    from localqwq.engine.llama.logprobs import Logprobs
    from localqwq.engine.output_constraints import Structure


class Stop(Protocol):
    """A flag that ends a generation when set, such as ``threading.Event``."""

    def is_set(self) -> bool:
        """Return whether it is set."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A checked request with its prompt."""

    request: GenerationRequest
    sampling: Sampling
    """The sampling parameters, including the seed."""
    prompt: Prompt
    started: float
    """When the request arrived, by ``perf_counter``."""
    forms: Forms = field(default_factory=Forms)
    """What the answer and its calls must look like."""


class Generation:
    """The tokens that a request needs decoded, and the events that result."""

    def __init__(
        self,
        model: Model,
        prepared: Prepared,
        *,
        stop: Stop,
        control: ThoughtControl,
        longest: int,
        load_s: float,
    ) -> None:
        """Set up; ``longest``: maximum tokens of prompt and answer together in the KV cache."""
        request = prepared.request
        self.prepared = prepared
        self.stop = stop
        self.longest = longest
        self.tokens = list(prepared.prompt.tokens)
        """The prompt and all tokens after it."""
        self.error: LocalqwqError | None = None
        self.done = False
        self.answer: list[str] = []
        self.calls: list[ToolCall] = []
        self._model = model
        self._control = control
        self._load_s = load_s
        self._events: list[Event] = []
        self._parser = _parser(model, prepared)
        self._detokenizer = Detokenizer(model)
        self._watch = Watch(
            control, thinking=self._parser.thinking, detect_loops=request.loop_detection
        )
        self._stops = AnswerStops(request.stop) if request.stop else None
        self._logprobs = _logprobs(model, request)
        self._scores: list[TokenLogprob | None] | None = [None] if request.score_prompt else None
        self._began = self._ended = False
        self._cached: int | None = None
        self._prefill_began = self._read_at = self._first_token = self._last_token = 0.0
        self._structure: Structure | None = None
        with ExitStack() as resources:
            if request.tools or request.response_format:
                self._structure = _structure(model, prepared)
                resources.callback(self._structure.close)
            self._chain: Any = resources.enter_context(self._sampler_chain())
            self._resources = resources.pop_all()

    def take(self) -> list[Event]:
        """Return the events since the last call; ``Finish`` is the very last one, unless it
        failed.
        """
        events, self._events = self._events, []
        return events

    def tell(self, event: Event) -> None:
        """Append an event raised outside this generation."""
        self._events.append(event)

    @property
    def generated(self) -> int:
        """The number of tokens after the prompt."""
        return self._parser.completion_tokens

    @property
    def scores_prompt(self) -> bool:
        """Whether the logits of the prompt's tokens are needed too."""
        return self._scores is not None and len(self._scores) < len(self.prepared.prompt.tokens)

    def begin(self, cached: int) -> None:
        """Start; ``cached`` tokens of the beginning were found in the KV cache."""
        if self.scores_prompt:
            self._scores = [None]  # it was evicted half-way, and is prefilled again
        if self._cached is None:
            self._cached = cached
            self._prefill_began = perf_counter()
            self.read(cached)

    def read(self, done: int) -> None:
        """Record that ``done`` tokens are in the KV cache."""
        total = len(self.prepared.prompt.tokens)
        if self.generated == 0 and done <= total:
            self._read_at = perf_counter()
            seconds = self._read_at - self._prefill_began
            self._events.append(PromptProgress(done, total, self._cached or 0, seconds))

    def score(self, handle: Any, index: int) -> None:
        """Record the probability of the prompt's next token by the logits at a position of the
        batch.
        """
        assert self._scores is not None
        assert self._logprobs is not None
        token = self.prepared.prompt.tokens[len(self._scores)]
        self._scores.append(self._logprobs.describe(handle, index, token))

    def advance(self, handle: Any, index: int) -> None:
        """Sample the next token by the logits at a position of the batch: all tokens are in the
        cache.
        """
        if not self._began:
            self._began = True
            if self._scores is not None:
                self._events.append(PromptLogprobs(tuple(self._scores)))
            if self.prepared.request.max_tokens == 0:
                self.finish("length")
            if self.done or self._insert_due():
                return
        token = self._sample(handle, index)
        if self._evades_answer(token):
            self._insert_all(self._handover())
        else:
            self._note_logprob(handle, index, token)
            self._feed(token)
            self._insert_due()

    def finish(self, reason: FinishReason = "stop") -> None:
        """End here; text that was held back is released."""
        self._send(self._parser.flush(ended=self._ended))
        if self._stops is not None:
            self._tell_pieces(self._stops.flush())
        self._close()
        if self._ended and self.calls:
            reason = "tool_calls"
        sampling = self.prepared.sampling.as_dict()
        stop = None if self._stops is None else self._stops.string
        end = Finish(reason, self._usage(), self._timings(), sampling, self._thought_end(), stop)
        self._events.append(end)

    def fail(self, error: LocalqwqError) -> None:
        """End without a ``Finish``."""
        self.error = error
        self._close()

    def _close(self) -> None:
        self.done = True
        self._control.over = True
        self._resources.close()

    def _sample(self, handle: Any, index: int) -> int:
        grammar = self._structure.grammar if self._structure is not None else None
        token: int
        if grammar is None:
            token = binding().llama_sampler_sample(self._chain, handle, index)
        else:
            token = grammar.sample(self._chain, handle, index)
        self._last_token = perf_counter()
        if not self._first_token:
            self._first_token = self._last_token
        return token

    def _evades_answer(self, token: int) -> bool:
        """Return whether the model is about to end its turn inside the thought, although the answer
        must have a form.
        """
        request = self.prepared.request
        wanted = request.response_format is not None or request.tool_choice not in ("auto", "none")
        return wanted and self._parser.thinking and self._model.ends_generation(token)

    def _note_logprob(self, handle: Any, index: int, token: int) -> None:
        if self._logprobs is None:
            return
        if self._model.ends_generation(token) and self.prepared.request.prompt is None:
            self._logprobs.skip()  # OpenAI's chats leave it out, its raw completions do not
        else:
            self._logprobs.take(handle, index, token)

    def _insert_due(self) -> bool:
        """Insert tokens that are not left to the model, if they are due here."""
        return self._insert_all(self._due())

    def _insert_all(self, tokens: Sequence[int]) -> bool:
        """Insert tokens and whatever is due after each; return whether there were any."""
        due = deque(tokens)
        inserted = bool(due)
        while due:
            self._insert(due.popleft())
            due.extend(self._due())
            if self.done:
                break
        return inserted

    def _due(self) -> Sequence[int]:
        if self.done:
            return ()
        if self._watch.close_thought():
            return self._handover()
        return () if self._structure is None else self._structure.update(self._parser)

    def _insert(self, token: int) -> None:
        binding().llama_sampler_accept(self._chain, token)
        if self._structure is not None and self._structure.grammar is not None:
            self._structure.grammar.accept(token)
        if self._logprobs is not None:
            self._logprobs.skip()
        self._feed(token)

    def _feed(self, token: int) -> None:
        """Accept the next token of the answer."""
        parser = self._parser
        self.tokens.append(token)
        self._ended = self._model.ends_generation(token)
        text = "" if self._ended else self._detokenizer.add(token)
        self._send(parser.feed(token, text))
        if self._ended or (self._stops is not None and self._stops.found):
            self.finish()
            return
        self._watch.feed(token, text, thinking=parser.thinking)
        if not parser.may_think:
            self._control.over = True
        if self._watch.answer_loops:
            self.finish("loop")
        elif self._is_full():
            self.finish("length")

    def _is_full(self) -> bool:
        # The last token needs no cell in the cache.
        limit = self.prepared.request.max_tokens
        return len(self.tokens) > self.longest or (limit is not None and self.generated >= limit)

    def _send(self, pieces: Iterable[Piece]) -> None:
        if self._logprobs is not None:
            pieces = map(self._logprobs.attach, pieces)
        self._tell_pieces(pieces if self._stops is None else self._stops.filter(pieces))

    def _tell_pieces(self, pieces: Iterable[Piece]) -> None:
        for piece in pieces:
            self._events.append(piece)
            if isinstance(piece, Answer):
                self.answer.append(piece.text)
            elif isinstance(piece, ToolCall):
                self.calls.append(piece)

    def _sampler_chain(self) -> Any:
        request = self.prepared.request
        bias = {token: max(BAN, value) for token, value in request.logit_bias.items()}
        if request.ignore_eos:
            bias |= dict.fromkeys(self._model.all_ends, BAN)
        past = self.prepared.prompt.tokens
        return sampler_chain(
            self.prepared.sampling, self._model, context=self.longest, past=past, bias=bias
        )

    def _handover(self) -> list[int]:
        """Return the tokens that close a thought which the model has not ended itself."""
        self._parser.expect_close()
        sentence, _, _ = self.prepared.request.handover.partition(Tag.THINK_CLOSE.value)
        text = self._watch.handover(sentence.strip())
        tokens = self._model.tokenize(text, begin=False, special=False)
        close = self._model.tags.think_close
        if close is not None:
            return [*tokens, close]
        return tokens + self._model.tokenize(Tag.THINK_CLOSE.value, begin=False)

    def _thought_end(self) -> ThoughtEnd:
        if self._parser.thinking:
            return "unfinished"
        if self._parser.reasoning_tokens == 0:
            return "none"
        return self._watch.closed_by or "closed"

    def _usage(self) -> Usage:
        return Usage(
            prompt_tokens=len(self.prepared.prompt.tokens),
            cached_tokens=self._cached or 0,
            reasoning_tokens=self._parser.reasoning_tokens,
            completion_tokens=self._parser.completion_tokens,
        )

    def _timings(self) -> Timings:
        read = len(self.prepared.prompt.tokens) - (self._cached or 0)
        if not self._first_token:
            seconds = self._read_at - self._prefill_began
            whole = self._began  # a rate of part of a prompt would be too high
            return Timings(self._load_s, prompt_tps=_rate(read, seconds) if whole else 0.0)
        return Timings(
            load_s=self._load_s,
            first_token_s=self._first_token - self.prepared.started,
            # Up to the first token, since a GPU may still compute when the decode call returns.
            prompt_tps=_rate(read, self._first_token - self._prefill_began),
            generate_tps=_rate(self.generated - 1, self._last_token - self._first_token),
        )


def _parser(model: Model, prepared: Prepared) -> TokenParser:
    """Return a parser for what follows the prompt."""
    request, tags = prepared.request, model.tags
    if request.prompt is not None:
        return PlainText()
    wanted = set(THOUGHT_TAGS)
    if request.tools:
        wanted |= CALL_TAGS
        if may_list_calls(model):
            wanted |= LISTED_CALL_TAGS
    else:
        tags = Tags(tags.think_open, tags.think_close)
    prompt, text_tags = prepared.prompt, wanted - set(tags.by_id().values())
    return Parser(
        tags,
        prompt.in_thought,
        text_tags,
        prompt.written,
        calls=prompt.calls,
        tools=request.tools,
    )


def _rate(tokens: int, seconds: float) -> float:
    return tokens / seconds if seconds > 0 else 0.0


def _logprobs(model: Model, request: GenerationRequest) -> "Logprobs | None":
    """Return what records log probabilities, for a request that asks for them."""
    if request.top_logprobs is None:
        return None
    from localqwq.engine.llama.logprobs import Logprobs

    return Logprobs(model, request.top_logprobs)


def _structure(model: Model, prepared: Prepared) -> "Structure":
    """Return the form of the generation."""
    from localqwq.engine.output_constraints import Structure

    return Structure(model, prepared.request, prepared.forms, prepared.prompt.calls)
