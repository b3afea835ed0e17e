"""The engine: conversations in, typed events out."""

import threading
from collections.abc import Callable, Generator
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Self

from localqwq.engine.forms import Forms, asks_for_form
from localqwq.engine.generation import Generation, Prepared, Stop
from localqwq.engine.llama.context import Context
from localqwq.engine.llama.model import Model
from localqwq.engine.llama.sampler import with_seed
from localqwq.engine.llama.version import llama_version
from localqwq.engine.load_options import LoadOptions, RopeMode
from localqwq.engine.loading import load_model
from localqwq.engine.prefill_ahead import PrefillAhead
from localqwq.engine.prompts import call_format, make_prompt
from localqwq.engine.request import ContextExceeded as ContextExceeded
from localqwq.engine.request import GenerationRequest as GenerationRequest
from localqwq.engine.request import RequestRefused as RequestRefused
from localqwq.engine.request import check_values
from localqwq.engine.rope import RopeScaling, grown_context, longest_context, rope_scaling
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

if TYPE_CHECKING:
    from localqwq.engine.form_compiler import FormCompiler


class Engine:
    """A model and the requests running on it.

    One thread owns it: it submits requests and calls :meth:`step` while there is work. Methods that
    say so may be called from any thread.
    """

    def __init__(
        self, model: Model, options: LoadOptions, *, states: StateStore | None, started: float
    ) -> None:
        """Take over the model; most callers use :meth:`load` instead."""
        if model.facts.pooling is not None:
            raise LocalqwqError(
                f"{model.facts.name} makes embeddings, no answers: `localqwq serve` offers them."
            )
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
        self.on_context: Callable[[int], None] = lambda _: None
        """Called with the tokens of a new context, in the thread that decodes."""
        threads = options.threads or fast_cores(read_limits().cores)

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
                flash=options.flash,
            )
            if states is not None:
                key = state_key(
                    model=model.facts.path,
                    kv_type=options.kv_type,
                    flash=made.flash,
                    rope=scaling,
                    llama_version=llama_version(),
                )
                states.rekey(key)
            self.on_context(size)
            return made

        self._templates = TemplateRenderer(
            template,
            bos=model.bos,
            eos=model.eos,
            names=model.control_tokens,
            tool_template=model.facts.tool_template,
        )
        self._forms: FormCompiler | None = None
        self._refuses = False
        self._lock = threading.Lock()
        try:
            self._scheduler = Scheduler(
                make_context,
                lambda needed: grown_context(model.facts, needed, self._longest),
                options.context,
                states,
                PrefillAhead(model, self._templates, lambda: self._longest),
            )
            self.traits = self._templates.traits()
            """What the chat template supports."""
            self.tool_traits = self._templates.traits(tools=True)
            """What the template for conversations with tools supports; usually the same
            template.
            """
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
            options: how to load it.
            states: the store for the states of evicted conversations.
            on_progress: called with the fraction of the weights loaded; an exception raised there
                ends
                the load and is raised here.

        Raises:
            LocalqwqError: it cannot be loaded.
        """
        started = perf_counter()
        model = load_model(path, options, on_progress)
        try:
            return cls(model, options, states=states, started=started)
        except BaseException:
            model.close()
            raise

    @property
    def context(self) -> int:
        """The current context length in tokens."""
        return self._scheduler.context.size

    @property
    def longest(self) -> int:
        """The length in tokens that the context may grow to."""
        return self._longest

    def allow(self, longest: int) -> None:
        """Let the context grow to so many tokens, but no further. Thread-safe.

        What it has stays, and requests that run keep their limit.
        """
        allowed = min(longest, longest_context(self.facts, self._rope))
        self._longest = max(self.context, allowed)

    @property
    def rope(self) -> RopeScaling:
        """The current rope scaling."""
        return self._scheduler.context.rope

    @property
    def vocabulary(self) -> int:
        """The number of tokens in the vocabulary."""
        return self._model.size

    @property
    def running(self) -> int:
        """The number of requests being answered."""
        return len(self._scheduler.running)

    @property
    def waiting(self) -> int:
        """The number of requests waiting for a slot."""
        return len(self._scheduler.waiting)

    def tokenize(self, text: str, *, begin: bool, special: bool) -> list[int]:
        """Return the tokens of a text; see :meth:`Model.tokenize`. Thread-safe."""
        return self._model.tokenize(text, begin=begin, special=special)

    def piece(self, token: int) -> bytes:
        """Return the bytes of a token, even one that is not shown. Thread-safe."""
        return self._model.piece(token, special=True)

    def prepare(self, request: GenerationRequest, *, exact: bool = False) -> Prepared:
        """Check a request and build its prompt. Thread-safe.

        ``exact``: count the tokens even of prompts that are obviously too long.

        Raises :class:`ContextExceeded` and :class:`RequestRefused`, and :class:`LocalqwqError` if
        the template rejects the messages.
        """
        started = perf_counter()
        sampling = self.facts.sampling if request.sampling is None else request.sampling
        check_values(request, sampling, self._model.size)
        forms = self._forms_of(request)
        longest = self._longest_for(request)
        most = None if exact else longest
        prompt = make_prompt(self._model, self._templates, request, most)
        if (needed := len(prompt.tokens) + 1) > longest:
            raise ContextExceeded(needed, longest)
        return Prepared(request, with_seed(sampling), prompt, started, forms)

    def submit(
        self,
        prepared: Prepared,
        stop: Stop | None = None,
        control: ThoughtControl | None = None,
    ) -> Generation:
        """Queue a request to be answered by the following steps.

        Setting ``stop`` ends it at the next step; ``control`` shortens or extends the thought while
        it runs, and then holds the budget.
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
        """Decode one batch; return False if there is nothing to do before :attr:`pause` is over."""
        return self._scheduler.step()

    @property
    def pause(self) -> float | None:
        """The seconds after which :meth:`step` should be called even if no request arrives.

        ``None``: it need not be. For the owning thread.
        """
        return self._scheduler.pause

    def interrupt(self, generation: Generation | None = None) -> None:
        """Make way for a request about to be submitted, or end a stopped one immediately.

        Neither then waits for the current batch. Thread-safe.
        """
        self._scheduler.interrupt(generation)

    @property
    def gathering(self) -> float:
        """The seconds for which a step should wait for requests that are announced; 0 while answers
        are written. For the owning thread.
        """
        return self._scheduler.gathering

    def announce(self) -> None:
        """Tell that a request is being prepared: those that arrive together are read together.

        Thread-safe.
        """
        self._scheduler.announce()

    def withdraw(self) -> None:
        """Take back :meth:`interrupt`: the announced request was submitted, or will not come.

        Otherwise a request abandoned on its way would block idle work forever.
        """
        self._scheduler.withdraw()

    def generate(
        self,
        request: GenerationRequest,
        stop: Stop | None = None,
        control: ThoughtControl | None = None,
    ) -> Generator[Event, None, None]:
        """Yield the events of one answer: :meth:`prepare`, :meth:`submit` and steps.

        ``Finish`` is the last. Closing the generator ends the answer. Rejections are raised
        immediately, before any event.
        """
        return self._events(self.prepare(request), stop, control)

    def refuse(self) -> None:
        """Make :meth:`prepare` fail from now on, including calls in progress. Thread-safe."""
        self._templates.close()
        with self._lock:
            self._refuses = True
            if self._forms is not None:
                self._forms.close()

    def close(self) -> None:
        """Free the model and its context, and end the processes for templates and grammars."""
        self.refuse()
        self._scheduler.close()
        self._model.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _forms_of(self, request: GenerationRequest) -> Forms:
        """Return the grammars of a request, if it asks for any."""
        if not asks_for_form(request):
            return Forms()
        from localqwq.engine.form_compiler import FormCompiler

        with self._lock:
            if self._refuses:
                raise LocalqwqError("The model was closed.")
            forms = self._forms = self._forms or FormCompiler(self._model)
        return forms.forms(request, call_format(self._templates, request))

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
        """Return the maximum tokens of prompt and answer together."""
        if request.rope == "auto":
            return self._longest
        return max(self.context, min(self._longest, longest_context(self.facts, "off")))
