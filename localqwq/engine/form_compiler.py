"""The grammars of one request, compiled before it is queued.

It is imported by the first request that needs one, since numpy and llguidance come with it.
"""

import json
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import Any

from localqwq.engine.forms import Begin, Forms, may_list_calls
from localqwq.engine.gbnf import GbnfMatcher
from localqwq.engine.grammar import Grammar
from localqwq.engine.grammar_trials import GrammarTrials
from localqwq.engine.guidance import GuidedForm
from localqwq.engine.llama.model import Model
from localqwq.engine.request import GenerationRequest, RequestRefused
from localqwq.errors import LocalqwqError
from localqwq.reasoning.answer_forms import Form, answer_form
from localqwq.reasoning.calls import CallFormat
from localqwq.reasoning.json_grammar import call_grammar
from localqwq.reasoning.lark import Check, SchemaRefused
from localqwq.reasoning.listed_call_grammar import listed_call_grammar
from localqwq.reasoning.xml_call_grammar import xml_call_grammar

Tools = Sequence[Mapping[str, Any]]
_MOST_KEPT = 12
"""Compiled grammars; llguidance adds to them while they are used, see ``MAX_LEXER_STATES``."""


class FormCompiler:
    """Makes the grammars of requests for one model. Thread-safe."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._trials = GrammarTrials()
        self._kept: OrderedDict[str, _Compiled] = OrderedDict()
        self._lock = Lock()

    def forms(self, request: GenerationRequest, calls: CallFormat) -> Forms:
        """Return the grammars of a request; ``calls``: how the model writes calls.

        Raises :class:`RequestRefused` for a form that cannot be enforced.
        """
        choice = request.tool_choice
        if choice == "none" or not request.tools:
            if choice not in ("auto", "none"):
                raise RequestRefused("tool_choice", "A tool_choice needs tools to choose from.")
            return Forms(self._answer(request))
        first = None if choice in ("auto", "required") else choice
        return Forms(
            self._answer(request),
            self._call(request, first, calls),
            self._call(request, None, calls),
            self._listed_calls(request, first) if may_list_calls(self._model) else None,
        )

    def close(self) -> None:
        """End what tries the grammars; no more can be made."""
        self._trials.close()

    def _answer(self, request: GenerationRequest) -> Begin | None:
        """Return the grammar for the answer."""
        wanted, turn = request.response_format, request.prompt is None
        if wanted is None or wanted.get("type") == "text":
            return None
        try:
            key = json.dumps(["answer", turn, wanted])
            return self._made(key, lambda: answer_form(wanted, self._trials.problem, turn=turn))
        except SchemaRefused as refusal:
            raise RequestRefused("response_format", str(refusal)) from refusal
        except (TypeError, ValueError, RecursionError) as error:
            message = "The response_format is not JSON, or is nested too deeply."
            raise RequestRefused("response_format", message) from error

    def _call(
        self, request: GenerationRequest, choice: str | None, calls: CallFormat
    ) -> Begin | None:
        """Return the grammar for a call's body; ``choice``: a tool's name, or ``None`` for all.

        There is none if the names cannot be written in the model's form.
        """
        check = self._trials.problem
        try:
            tools = [tool for tool in request.tools if choice in (None, tool["function"]["name"])]
            if not tools:
                name = (choice or "")[:80]
                raise RequestRefused("tool_choice", f"There is no tool named {name!r}.")
            key = json.dumps([calls, tools])
            if calls == "xml":
                # What is wrong with the tools themselves is told all the same.
                self._made(json.dumps(["tagged", tools]), lambda: Form(call_grammar(tools, check)))
                return self._made(key, lambda: _unless_refused(xml_call_grammar, tools, check))
            name = "parameters" if calls == "bare" else "arguments"
            return self._made(key, lambda: Form(call_grammar(tools, check, name), is_json=True))
        except SchemaRefused as refusal:
            raise RequestRefused("tools", str(refusal)) from refusal
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            message = "The tools are not JSON in OpenAI's form, or are nested too deeply."
            raise RequestRefused("tools", message) from error

    def _listed_calls(self, request: GenerationRequest, first: str | None) -> Begin | None:
        """Return the grammar for all calls of a turn, whose tools :meth:`_call` has accepted."""
        tools, several = request.tools, request.parallel_tool_calls

        def make(tools: Tools, check: Check) -> str:
            return listed_call_grammar(tools, check, first=first, several=several)

        key = json.dumps(["listed", first, several, list(tools)])
        return self._made(key, lambda: _unless_refused(make, tools, self._trials.problem))

    def _made(self, key: str, make: Callable[[], Form | None]) -> Begin | None:
        """Return the grammar that is kept under a key, or make it."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None and not kept.spent:
                self._kept.move_to_end(key)
                return kept.begin
        form = make()
        if form is None:
            return None
        found = self._compiled(form)
        with self._lock:
            self._kept[key] = found
            if len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
        return found.begin

    def _compiled(self, form: Form) -> "_Compiled":
        """Compile a form; raises :class:`SchemaRefused` if that cannot be done."""
        if form.notation == "lark" and (reason := self._trials.problem(form.text)):
            raise SchemaRefused(f"The form cannot be enforced: {reason}.")
        try:
            if form.notation == "gbnf":
                GbnfMatcher(self._model, form.text).close()  # it is whole
                return _Compiled(self._model, form.text)
            return _Compiled(self._model, GuidedForm(self._model, form.text, is_json=form.is_json))
        except LocalqwqError as error:
            raise SchemaRefused(str(error)) from error


class _Compiled:
    """A form that texts can begin under: one for llguidance, or one in GBNF."""

    def __init__(self, model: Model, form: GuidedForm | str) -> None:
        self._model, self._form = model, form

    @property
    def spent(self) -> bool:
        """Whether it is to be compiled anew."""
        return not isinstance(self._form, str) and self._form.spent

    def begin(self) -> Grammar:
        """Begin a text."""
        form = self._form
        matcher = GbnfMatcher(self._model, form) if isinstance(form, str) else form.begin()
        return Grammar(self._model, matcher)


def _unless_refused(make: Callable[[Tools, Check], str], tools: Tools, check: Check) -> Form | None:
    """Return the form, or ``None`` if the names of the tools cannot be written in it."""
    try:
        return Form(make(tools, check))
    except SchemaRefused:
        return None
