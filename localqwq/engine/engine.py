"""The engine: a conversation goes in, typed events come out."""

import threading
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Self

from localqwq.engine.context import Context
from localqwq.engine.detokenizer import Detokenizer
from localqwq.engine.generation import Generation
from localqwq.engine.model import Model
from localqwq.engine.sampler import with_seed
from localqwq.errors import LocalqwqError
from localqwq.gguf.sampling import Sampling
from localqwq.hardware.cgroup import read_limits
from localqwq.hardware.cores import usable_cores
from localqwq.reasoning.events import Event
from localqwq.reasoning.messages import Message, Tool
from localqwq.reasoning.parser import Parser, Tags, starts_in_thought
from localqwq.reasoning.template import render


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """One assistant turn to be generated."""

    messages: Sequence[Message]
    tools: Sequence[Tool] = ()
    """Tools that the model may call; without any, calls are not looked for."""
    sampling: Sampling | None = None
    """``None``: the model's own."""
    max_tokens: int | None = None
    """``None``: until the context is full."""


class ContextExceeded(LocalqwqError):
    """The prompt does not fit into the context."""

    def __init__(self, needed: int, available: int) -> None:
        super().__init__(
            f"The conversation needs {needed} tokens of context and {available} are available; "
            "start a new conversation or choose a longer context (--ctx)."
        )
        self.needed = needed
        self.available = available


class Engine:
    """A model with one sequence: one thread uses it, and one generation runs at a time."""

    def __init__(self, model: Model, context: Context, load_s: float) -> None:
        """Take over both; :meth:`load` is the usual way to an engine."""
        template = model.facts.chat_template
        if template is None:
            raise LocalqwqError(
                f"{model.facts.path.name} has no chat template; use an instruction-tuned model."
            )
        self.facts = model.facts
        self.context = context.size
        self.load_s = load_s
        self._template = template
        self._model = model
        self._context = context
        self._detokenizer = Detokenizer(model)

    @classmethod
    def load(
        cls,
        path: Path,
        *,
        context: int,
        gpu_layers: int = 0,
        threads: int | None = None,
        batch: int = 512,
    ) -> Self:
        """Load a GGUF file.

        ``context`` in tokens (rounded up to 256), ``gpu_layers``: how many of the last layers go
        to the devices, ``threads``: ``None`` for one per physical core, ``batch``: most prompt
        tokens between two looks at the stop flag. Raises :class:`LocalqwqError` for anything that
        cannot be loaded.
        """
        started = perf_counter()
        model = Model(path, gpu_layers)
        try:
            sequence = Context(
                model, size=context, threads=threads or _physical_cores(), batch=batch
            )
            try:
                return cls(model, sequence, perf_counter() - started)
            except BaseException:
                sequence.close()
                raise
        except BaseException:
            model.close()
            raise

    def generate(
        self, request: GenerationRequest, stop: threading.Event | None = None
    ) -> Generator[Event, None, None]:
        """The events of one assistant turn, ``Finish`` last.

        Setting ``stop`` ends it at the next token, closing the generator at once. The
        engine is ready for the next request either way, and what both prompts begin with is not
        computed again. Raises :class:`ContextExceeded` before any event, :class:`LocalqwqError`
        where the template refuses the messages or llama.cpp fails.
        """
        started = perf_counter()
        prompt = self._prompt(request)
        if len(prompt) >= self.context:
            raise ContextExceeded(len(prompt) + 1, self.context)
        sampling = self.facts.sampling if request.sampling is None else request.sampling
        generation = Generation(
            model=self._model,
            context=self._context,
            detokenizer=self._detokenizer,
            parser=self._parser(prompt, bool(request.tools)),
            prompt=prompt,
            sampling=with_seed(sampling),
            max_tokens=request.max_tokens,
            stop=stop or threading.Event(),
            load_s=self.load_s,
            started=started,
        )
        return generation.run()

    def close(self) -> None:
        """Free the model and its context."""
        self._context.close()
        self._model.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _prompt(self, request: GenerationRequest) -> list[int]:
        text = render(
            self._template,
            request.messages,
            request.tools,
            bos=self._model.bos,
            eos=self._model.eos,
        )
        return self._model.tokenize(text)

    def _parser(self, prompt: Sequence[int], with_tools: bool) -> Parser:
        tags = self._model.tags
        in_thought = starts_in_thought(
            prompt, tags.think_open, tags.think_close, self._model.turn_ends
        )
        return Parser(tags if with_tools else Tags(tags.think_open, tags.think_close), in_thought)


def _physical_cores() -> int:
    physical, _logical = usable_cores(read_limits().cores)
    return physical
