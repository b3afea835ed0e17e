"""The engine: a conversation goes in, typed events come out."""

import threading
from collections.abc import Generator, Sequence
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Self

from localqwq.engine.context import Context
from localqwq.engine.detokenizer import Detokenizer
from localqwq.engine.generation import Generation
from localqwq.engine.model import Model
from localqwq.engine.request import ContextExceeded as ContextExceeded
from localqwq.engine.request import GenerationRequest as GenerationRequest
from localqwq.engine.request import RequestRefused as RequestRefused
from localqwq.engine.request import check_values
from localqwq.engine.sampler import with_seed
from localqwq.engine.templates import TemplateRenderer
from localqwq.errors import LocalqwqError
from localqwq.hardware.cgroup import read_limits
from localqwq.hardware.cores import usable_cores
from localqwq.reasoning.budget import ThoughtControl
from localqwq.reasoning.events import Event
from localqwq.reasoning.parser import Parser, Tags, starts_in_thought, text_starts_in_thought
from localqwq.reasoning.tags import Tag


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
        self._model = model
        self._context = context
        self._detokenizer = Detokenizer(model)
        self._templates = TemplateRenderer(template, bos=model.bos, eos=model.eos)

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
        self,
        request: GenerationRequest,
        stop: threading.Event | None = None,
        control: ThoughtControl | None = None,
    ) -> Generator[Event, None, None]:
        """The events of one assistant turn, ``Finish`` last.

        Setting ``stop`` ends it at the next token, closing the generator at once; ``control``
        shortens or prolongs the thought while it goes on, and has the budget then. The engine is
        ready for the next request in any case, and what both prompts begin with is not computed
        again. Raises :class:`ContextExceeded` and :class:`RequestRefused` before any event,
        :class:`LocalqwqError` where the template refuses the messages or llama.cpp fails.
        """
        started = perf_counter()
        sampling = self.facts.sampling if request.sampling is None else request.sampling
        check_values(request, sampling, self._model.size)
        text = self._templates.render(request.messages, request.tools)
        prompt = self._model.tokenize(text)
        if len(prompt) >= self.context:
            raise ContextExceeded(len(prompt) + 1, self.context)
        generation = Generation(
            model=self._model,
            context=self._context,
            detokenizer=self._detokenizer,
            parser=self._parser(text, prompt, bool(request.tools)),
            prompt=prompt,
            request=request,
            sampling=with_seed(sampling),
            control=control or ThoughtControl(request.reasoning_budget),
            stop=stop or threading.Event(),
            load_s=self.load_s,
            started=started,
        )
        return generation.run()

    def close(self) -> None:
        """Free the model and its context, and end the process for its template."""
        self._templates.close()
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

    def _parser(self, text: str, prompt: Sequence[int], with_tools: bool) -> Parser:
        """A parser for what follows the prompt, given as text and as tokens."""
        tags = self._model.tags
        if tags.think_open is None:
            in_thought = text_starts_in_thought(text)
        else:
            in_thought = starts_in_thought(
                prompt, tags.think_open, tags.think_close, self._model.turn_ends
            )
        if not with_tools:
            tags = Tags(tags.think_open, tags.think_close)
        wanted = set(Tag) if with_tools else {Tag.THINK_OPEN, Tag.THINK_CLOSE}
        return Parser(tags, in_thought, wanted - set(tags.by_id().values()))


def _physical_cores() -> int:
    physical, _logical = usable_cores(read_limits().cores)
    return physical
