"""One generation: prefill, then sample and decode until something ends it."""

import threading
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from localqwq.engine.context import Context
from localqwq.engine.detokenizer import Detokenizer
from localqwq.engine.library import binding
from localqwq.engine.model import Model
from localqwq.engine.sampler import sampler_chain
from localqwq.gguf.sampling import Sampling
from localqwq.reasoning.events import (
    Event,
    Finish,
    FinishReason,
    PromptProgress,
    Timings,
    ToolCall,
    Usage,
)
from localqwq.reasoning.parser import Parser, Piece


@dataclass(slots=True)
class Generation:
    """Everything one generation needs, and what it has measured so far."""

    model: Model
    context: Context
    detokenizer: Detokenizer
    parser: Parser
    prompt: Sequence[int]
    sampling: Sampling
    """With its seed."""
    max_tokens: int | None
    stop: threading.Event
    load_s: float
    started: float
    """When the request came, on ``perf_counter``'s clock, like the moments below."""
    cached: int = 0
    prefill_began: float = 0.0
    first_token: float = 0.0
    last_token: float = 0.0
    reason: FinishReason = "stop"

    def run(self) -> Generator[Event, None, None]:
        """All events of the generation."""
        yield from self._prefill()
        if not self.stop.is_set():
            with sampler_chain(self.sampling, self.model.size) as chain:
                yield from self._decode(chain)
        yield Finish(self.reason, self._usage(), self._timings(), self.sampling.as_dict())

    def _prefill(self) -> Iterator[PromptProgress]:
        context, prompt, total = self.context, self.prompt, len(self.prompt)
        self.prefill_began = perf_counter()
        done = self.cached = context.keep_common(prompt)
        yield PromptProgress(done, total, self.cached)
        while done < total and not self.stop.is_set():
            context.append(prompt[done : done + context.batch])
            done = len(context.tokens)
            yield PromptProgress(done, total, self.cached)

    def _decode(self, chain: Any) -> Iterator[Piece]:
        called_tool = ended = False
        for token in self._sample(chain):
            ended = self.model.ends_generation(token)
            for piece in self.parser.feed(token, "" if ended else self.detokenizer.add(token)):
                called_tool = called_tool or isinstance(piece, ToolCall)
                yield piece
            if ended:
                break
        for piece in self.parser.flush():
            called_tool = called_tool or isinstance(piece, ToolCall)
            yield piece
        if ended and called_tool:
            self.reason = "tool_calls"

    def _sample(self, chain: Any) -> Iterator[int]:
        """Sampled tokens, each decoded when the next one is asked for."""
        context, stopped = self.context, self.stop.is_set
        sample = binding().llama_sampler_sample
        room = context.size - len(context.tokens) + 1  # the last token needs no place in the cache
        limit = room if self.max_tokens is None else min(room, self.max_tokens)
        self.detokenizer.start()
        for count in range(limit):
            if stopped():
                return
            token = sample(chain, context.handle, -1)
            self.last_token = perf_counter()
            if count == 0:
                self.first_token = self.last_token
            yield token
            if stopped():
                return
            if count + 1 < limit:
                context.append_one(token)
        self.reason = "length"

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
