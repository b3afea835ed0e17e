"""One generation: prefill, then sample and decode until something ends it."""

import threading
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from localqwq.engine.context import Context
from localqwq.engine.detokenizer import Detokenizer
from localqwq.engine.library import binding
from localqwq.engine.logprobs import Logprobs
from localqwq.engine.model import Model
from localqwq.engine.request import GenerationRequest
from localqwq.engine.sampler import BAN, sampler_chain
from localqwq.gguf.sampling import Sampling
from localqwq.reasoning.budget import ThoughtControl
from localqwq.reasoning.events import (
    Event,
    Finish,
    FinishReason,
    PromptProgress,
    ThoughtEnd,
    Timings,
    ToolCall,
    Usage,
)
from localqwq.reasoning.parser import Parser, Piece
from localqwq.reasoning.stops import AnswerStops
from localqwq.reasoning.tags import Tag
from localqwq.reasoning.watch import Watch


@dataclass(slots=True)
class Generation:
    """Everything one generation needs, and what it has measured so far."""

    model: Model
    context: Context
    detokenizer: Detokenizer
    parser: Parser
    prompt: Sequence[int]
    request: GenerationRequest
    """Checked."""
    sampling: Sampling
    """With its seed."""
    control: ThoughtControl
    stop: threading.Event
    load_s: float
    started: float
    """When the request came, on ``perf_counter``'s clock, like the moments below."""
    cached: int = 0
    prefill_began: float = 0.0
    first_token: float = 0.0
    last_token: float = 0.0
    reason: FinishReason = "stop"
    watch: Watch = field(init=False)
    stops: AnswerStops | None = field(init=False)
    logprobs: Logprobs | None = field(init=False)
    inserted: deque[int] = field(init=False, default_factory=deque)
    """Tokens that come next instead of sampled ones."""

    def __post_init__(self) -> None:
        """Make the parts that live as long as the generation."""
        request, top = self.request, self.request.top_logprobs
        self.watch = Watch(
            self.control, thinking=self.parser.thinking, detect_loops=request.loop_detection
        )
        self.stops = AnswerStops(request.stop) if request.stop else None
        self.logprobs = None if top is None else Logprobs(self.model, self.context, top)

    def run(self) -> Generator[Event, None, None]:
        """All events of the generation."""
        try:
            yield from self._prefill()
            if not self.stop.is_set():
                with self._sampler_chain() as chain:
                    yield from self._decode(chain)
        finally:
            self.control.over = True
        sampling = self.sampling.as_dict()
        yield Finish(self.reason, self._usage(), self._timings(), sampling, self._thought_end())

    def _prefill(self) -> Iterator[PromptProgress]:
        context, prompt, total = self.context, self.prompt, len(self.prompt)
        self.prefill_began = perf_counter()
        done = self.cached = context.keep_common(prompt if self.request.cache_prompt else ())
        yield PromptProgress(done, total, self.cached)
        while done < total and not self.stop.is_set():
            context.append(prompt[done : done + context.batch])
            done = len(context.tokens)
            yield PromptProgress(done, total, self.cached)

    def _sampler_chain(self) -> AbstractContextManager[Any]:
        bias = {token: max(BAN, value) for token, value in self.request.logit_bias.items()}
        if self.request.ignore_eos:
            bias |= dict.fromkeys(self.model.all_ends, BAN)
        return sampler_chain(
            self.sampling, self.model, context=self.context.size, past=self.prompt, bias=bias
        )

    def _decode(self, chain: Any) -> Iterator[Piece]:
        parser, watch, add = self.parser, self.watch, self.detokenizer.add
        called_tool = ended = False
        for token in self._tokens(chain):
            ended = self.model.ends_generation(token)
            text = "" if ended else add(token)
            for piece in self._outgoing(parser.feed(token, text)):
                called_tool = called_tool or isinstance(piece, ToolCall)
                yield piece
            if ended or (self.stops is not None and self.stops.found):
                break
            watch.feed(token, text, thinking=parser.thinking)
            if not parser.may_think:
                self.control.over = True
            if watch.answer_loops:
                self.reason = "loop"
                break
        for piece in self._outgoing(parser.flush()):
            called_tool = called_tool or isinstance(piece, ToolCall)
            yield piece
        if self.stops is not None:
            yield from self.stops.flush()
        if ended and called_tool:
            self.reason = "tool_calls"

    def _outgoing(self, pieces: Iterable[Piece]) -> Iterable[Piece]:
        if self.logprobs is not None:
            pieces = map(self.logprobs.attach, pieces)
        return pieces if self.stops is None else self.stops.filter(pieces)

    def _tokens(self, chain: Any) -> Iterator[int]:
        """Sampled and inserted tokens; they are decoded when the next one has to be sampled."""
        context, stopped = self.context, self.stop.is_set
        room = context.size - len(context.tokens) + 1  # the last token needs no place in the cache
        wanted = self.request.max_tokens
        limit = room if wanted is None else min(room, wanted)
        self.detokenizer.start()
        pending: list[int] = []
        for _ in range(limit):
            if stopped():
                return
            if self.watch.close_thought():
                self.inserted.extend(self._handover())
            if self.inserted:
                token = self._insert(chain)
            else:
                self._decode_pending(pending)
                if stopped():
                    return
                token = self._sample(chain)
            yield token
            pending.append(token)
        self.reason = "length"

    def _decode_pending(self, pending: list[int]) -> None:
        if len(pending) == 1:
            self.context.append_one(pending[0])
        else:
            for start in range(0, len(pending), self.context.batch):
                self.context.append(pending[start : start + self.context.batch])
        pending.clear()

    def _sample(self, chain: Any) -> int:
        token: int = binding().llama_sampler_sample(chain, self.context.handle, -1)
        self.last_token = perf_counter()
        if not self.first_token:
            self.first_token = self.last_token
        if self.logprobs is not None:
            if self.model.ends_generation(token):
                self.logprobs.skip()
            else:
                self.logprobs.take(token)
        return token

    def _insert(self, chain: Any) -> int:
        token = self.inserted.popleft()
        binding().llama_sampler_accept(chain, token)
        if self.logprobs is not None:
            self.logprobs.skip()
        return token

    def _handover(self) -> list[int]:
        """The end of a thought that the model has not ended itself."""
        self.parser.expect_close()
        sentence, _, _ = self.request.handover.partition(Tag.THINK_CLOSE.value)
        text = self.watch.handover(sentence.strip())
        tokens = self.model.tokenize(text, begin=False, special=False)
        close = self.model.tags.think_close
        if close is not None:
            return [*tokens, close]
        return tokens + self.model.tokenize(Tag.THINK_CLOSE.value, begin=False)

    def _thought_end(self) -> ThoughtEnd:
        if self.parser.thinking:
            return "unfinished"
        if self.parser.reasoning_tokens == 0:
            return "none"
        return self.watch.closed_by or "closed"

    def _usage(self) -> Usage:
        return Usage(
            prompt_tokens=len(self.prompt),
            cached_tokens=self.cached,
            reasoning_tokens=self.parser.reasoning_tokens,
            completion_tokens=self.parser.completion_tokens,
        )

    def _timings(self) -> Timings:
        generated = self.parser.completion_tokens
        if generated == 0:
            return Timings(load_s=self.load_s)
        return Timings(
            load_s=self.load_s,
            first_token_s=self.first_token - self.started,
            # Up to the first token, since a GPU may still compute when the decode call returns.
            prompt_tps=_rate(len(self.prompt) - self.cached, self.first_token - self.prefill_began),
            generate_tps=_rate(generated - 1, self.last_token - self.first_token),
        )


def _rate(tokens: int, seconds: float) -> float:
    return tokens / seconds if seconds > 0 else 0.0
