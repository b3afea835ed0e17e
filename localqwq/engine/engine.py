"""The engine: conversations go in, typed events come out."""

import importlib.metadata
import threading
from collections.abc import Callable, Generator
from pathlib import Path
from time import perf_counter
from typing import Self

from localqwq.engine.generation import Generation, Prepared, Stop
from localqwq.engine.llama.context import Context
from localqwq.engine.llama.model import Model
from localqwq.engine.llama.sampler import with_seed
from localqwq.engine.load_options import LoadOptions
from localqwq.engine.output_constraints import Structure
from localqwq.engine.prefill_ahead import PrefillAhead
from localqwq.engine.prompts import make_prompt
from localqwq.engine.request import ContextExceeded as ContextExceeded
from localqwq.engine.request import GenerationRequest as GenerationRequest
from localqwq.engine.request import RequestRefused as RequestRefused
from localqwq.engine.request import check_values
from localqwq.engine.rope import RopeMode, RopeScaling, grown_context, longest_context, rope_scaling
from localqwq.engine.rpc.client import connect
from localqwq.engine.scheduler import Scheduler
from localqwq.engine.states.key import state_key
from localqwq.engine.states.store import StateStore
from localqwq.engine.templates import TemplateRenderer
from localqwq.errors import LocalqwqError
from localqwq.hardware.cgroup import read_limits
from localqwq.hardware.cores import fast_cores
from localqwq.planning.memory import padded
from localqwq.reasoning.budget import ThoughtControl
from localqwq.reasoning.events import Event
from localqwq.reasoning.template_traits import REMEDY, does_not_work


class Engine:
    """A model and what runs on it.

    One thread owns it: it submits requests and calls :meth:`step` as long as there is something
    to do. Methods that say so may be called from any thread.
    """

    def __init__(
        self, model: Model, options: LoadOptions, *, states: StateStore | None, started: float
    ) -> None:
        """Take over the model; :meth:`load` is the usual way to an engine."""
        template = model.facts.chat_template or model.facts.tool_template
        if template is None:
            raise LocalqwqError(
                f"{model.facts.path.name} has no chat template: use an instruction-tuned model, or "
                f"give one {REMEDY}."
            )
        self.facts = model.facts
        self.parallel = options.parallel
        self._model = model
        self._rope: RopeMode = options.rope
        allowed = min(options.longest or 0, longest_context(model.facts, options.rope))
        self._longest = max(padded(options.context), allowed)
        threads = options.threads or fast_cores(read_limits().cores)
        version = importlib.metadata.version("llama_cpp_python")

        def make_context(size: int) -> Context:
            scaling = rope_scaling(model.facts, size, options.rope)
            made = Context(
                model,
                size=size,
                rope=scaling,
                threads=threads,
                batch=options.batch,
                parallel=options.parallel,
                kv_type=options.kv_type,
            )
            if states is not None:
                key = state_key(
                    model=model.facts.path,
                    kv_type=options.kv_type,
                    flash=made.flash,
                    rope=scaling,
                    llama_version=version,
                )
                states.rekey(key)
            return made

        self._templates = TemplateRenderer(
            template,
            bos=model.bos,
            eos=model.eos,
            names=model.control_tokens,
            tool_template=model.facts.tool_template,
        )
        try:
            self._scheduler = Scheduler(
                make_context,
                lambda needed: grown_context(model.facts, needed, self._longest),
                options.context,
                states,
                PrefillAhead(model, self._templates, self._longest),
            )
            self.traits = self._templates.traits()
            """What the chat template takes."""
            self.tool_traits = self._templates.traits(tools=True)
            """What the one for conversations with tools takes; most models have one for all."""
            if (problem := self.traits.problem or self.tool_traits.problem) is not None:
                self._scheduler.close()
                raise LocalqwqError(does_not_work(problem))
        except BaseException:
            self._templates.close()
            raise
        self.load_s = perf_counter() - started

    @classmethod
    def load(
        cls,
        path: Path,
        options: LoadOptions,
        *,
        states: StateStore | None = None,
        on_progress: Callable[[float], None] | None = None,
    ) -> Self:
        """Load a GGUF file.

        Args:
            path: the file, the first one of a split model.
            options: how.
            states: where the states of conversations go that the cache has no room for.
            on_progress: told the share of the weights that is loaded; what it raises ends the
                load, and is raised here.

        Raises:
            LocalqwqError: it cannot be loaded.
        """
        started = perf_counter()
        connect(options.rpc)
        model = Model(
            path,
            options.gpu_layers,
            on_progress,
            devices=options.devices,
            tensor_split=options.tensor_split,
            repack=options.repack,
            load_mode=options.load_mode,
            chat_template=options.chat_template,
        )
        try:
            return cls(model, options, states=states, started=started)
        except BaseException:
            model.close()
            raise

    @property
    def context(self) -> int:
        """Tokens of the context, as it is now."""
        return self._scheduler.context.size

    @property
    def longest(self) -> int:
        """Tokens that the context may grow to."""
        return self._longest

    @property
    def rope(self) -> RopeScaling:
        """How positions are scaled, as it is now."""
        return self._scheduler.context.rope

    @property
    def vocabulary(self) -> int:
        """Tokens that the model knows."""
        return self._model.size

    @property
    def running(self) -> int:
        """Requests that are being answered."""
        return len(self._scheduler.running)

    @property
    def waiting(self) -> int:
        """Requests that wait for a place."""
        return len(self._scheduler.waiting)

    def tokenize(self, text: str, *, begin: bool, special: bool) -> list[int]:
        """The tokens of a text; see :meth:`Model.tokenize`. From any thread."""
        return self._model.tokenize(text, begin=begin, special=special)

    def piece(self, token: int) -> bytes:
        """The bytes of a token, also of one that is not shown. From any thread."""
        return self._model.piece(token, special=True)

    def prepare(self, request: GenerationRequest) -> Prepared:
        """Check a request and make its prompt. From any thread.

        Raises :class:`ContextExceeded` and :class:`RequestRefused`, and :class:`LocalqwqError`
        where the template refuses the messages.
        """
        started = perf_counter()
        sampling = self.facts.sampling if request.sampling is None else request.sampling
        check_values(request, sampling, self._model.size)
        Structure.check(self._model, request)
        prompt = make_prompt(self._model, self._templates, request)
        needed, longest = len(prompt.tokens) + 1, self._longest_for(request)
        if needed > longest:
            raise ContextExceeded(needed, longest)
        return Prepared(request, with_seed(sampling), prompt, started)

    def submit(
        self,
        prepared: Prepared,
        stop: Stop | None = None,
        control: ThoughtControl | None = None,
    ) -> Generation:
        """Have a request answered by the following steps.

        Setting ``stop`` ends it at the next one; ``control`` shortens or prolongs the thought
        while it goes on, and has the budget then.
        """
        generation = Generation(
            self._model,
            prepared,
            stop=stop or threading.Event(),
            control=control or ThoughtControl(prepared.request.reasoning_budget),
            longest=self._longest_for(prepared.request),
            load_s=self.load_s,
        )
        self._scheduler.submit(generation)
        return generation

    def step(self) -> bool:
        """Decode one batch; false where there is nothing to do until the next request."""
        return self._scheduler.step()

    def interrupt(self, generation: Generation | None = None) -> None:
        """Make room for a request that is about to be submitted, or end a stopped one at once.

        Neither has to wait then for the batch that is being decoded. From any thread.
        """
        self._scheduler.interrupt(generation)

    def withdraw(self) -> None:
        """Take back :meth:`interrupt`: what it announced was submitted, or does not come.

        Without it a request that was given up on its way would keep idle work waiting for ever.
        """
        self._scheduler.withdraw()

    def generate(
        self,
        request: GenerationRequest,
        stop: Stop | None = None,
        control: ThoughtControl | None = None,
    ) -> Generator[Event, None, None]:
        """The events of one answer, ``Finish`` last: :meth:`prepare`, :meth:`submit` and steps.

        Closing the generator ends the answer. Refusals are raised at once, before any event.
        """
        return self._events(self.prepare(request), stop, control)

    def refuse(self) -> None:
        """Let :meth:`prepare` fail from now on, also where it is under way. From any thread."""
        self._templates.close()

    def close(self) -> None:
        """Free the model and its context, and end the process for its template."""
        self._templates.close()
        self._scheduler.close()
        self._model.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _events(
        self, prepared: Prepared, stop: Stop | None, control: ThoughtControl | None
    ) -> Generator[Event, None, None]:
        generation = self.submit(prepared, stop, control)
        try:
            while not generation.done:
                self.step()
                yield from generation.take()
            if generation.error is not None:
                raise generation.error
        finally:
            self._scheduler.remove(generation)

    def _longest_for(self, request: GenerationRequest) -> int:
        """Tokens that prompt and answer may have together."""
        if request.rope == "auto":
            return self._longest
        return max(self.context, min(self._longest, longest_context(self.facts, "off")))
