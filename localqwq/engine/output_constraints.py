"""Which grammar applies where in a generation, and which text is inserted."""

import json
from collections.abc import Sequence
from functools import lru_cache

from localqwq.engine.grammar import Grammar
from localqwq.engine.llama.library import binding
from localqwq.engine.llama.model import Model
from localqwq.engine.request import GenerationRequest, RequestRefused
from localqwq.errors import LocalqwqError
from localqwq.reasoning.answer_forms import answer_grammar
from localqwq.reasoning.calls import CallFormat
from localqwq.reasoning.json_grammar import SchemaRefused, call_grammar
from localqwq.reasoning.parser import Place
from localqwq.reasoning.plain import TokenParser
from localqwq.reasoning.tags import Tag
from localqwq.reasoning.xml_call_grammar import xml_call_grammar

_NOTHING = "root ::= [\\U7FFFFFFF]\n"
"""A grammar that no token fits, so that only exempt ones may come."""


class Structure:
    """The form of one generation: of its tool calls, and of its answer if one is requested.

    The thought is free. Within a call the grammar of the tools applies, and the closing tag is
    inserted when the call is complete. If the answer has a form, it applies from the answer's
    beginning; there the model may also open a thought or, with tools, a call instead. After a call
    it may end its turn there, too.
    """

    def __init__(
        self, model: Model, request: GenerationRequest, calls: CallFormat = "tagged"
    ) -> None:
        """Set up for a request that passed :meth:`check`; ``calls``: how the model writes calls."""
        self._format = calls
        self.grammar: Grammar | None = None
        """The grammar for the next token."""
        self._model = model
        self._request = request
        self._with_tools = bool(request.tools) and request.tool_choice != "none"
        self._answer_form = _answer_form(request)
        self._place: Place | None = None
        self._putting_in = False
        """Whether inserted tokens that lead elsewhere are still pending."""
        self._calls = 0
        self._thinks = Tag.THINK_OPEN.value in (model.facts.chat_template or "")

    @staticmethod
    def check(model: Model, request: GenerationRequest) -> None:
        """Raise :class:`RequestRefused` for a form that cannot be enforced. Thread-safe."""
        forms: list[tuple[str, str]] = []
        if (form := _answer_form(request)) is not None:
            forms.append(("response_format", form))
        if request.tool_choice != "none" and request.tools:
            forms.append(("tools", _call_form(request, "auto")))
            if request.tool_choice not in ("auto", "required"):
                forms.append(("tool_choice", _call_form(request, request.tool_choice)))
        elif request.tool_choice not in ("auto", "none"):
            raise RequestRefused("tool_choice", "A tool_choice needs tools to choose from.")
        for param, form in forms:
            try:
                Grammar(model, form).close()
            except LocalqwqError as error:
                raise RequestRefused(param, str(error)) from error

    def update(self, parser: TokenParser) -> Sequence[int]:
        """Follow the generation; call it at its beginning and after each token.

        Sets :attr:`grammar` for the next token, and returns tokens to insert before it.
        """
        entered = parser.place != self._place
        if entered:
            self._place = parser.place
            self._putting_in = False
            self.close()
        if self._putting_in or parser.place == "thought":
            return ()
        if parser.place == "answer":
            return self._in_answer(parser)
        if entered:
            self._calls += 1
            if not parser.lists_calls:  # a list of calls is parsed as it arrives
                self._enter_call(parser.body)
        return self._in_call(parser)

    def close(self) -> None:
        """Free the grammar."""
        if self.grammar is not None:
            self.grammar.close()
            self.grammar = None

    def _enter_call(self, body: str) -> None:
        if not self._with_tools:
            return
        first = self._calls == 1 and self._request.tool_choice != "required"
        choice = self._request.tool_choice if first else "auto"
        try:
            self.grammar = Grammar(self._model, _call_form(self._request, choice, self._format))
        except RequestRefused:
            if self._format != "xml":
                raise
            return  # names that XML cannot express: the output is left unconstrained
        try:
            # One token can contain a tag that is text and what follows it.
            for token in self._tokenize(body):
                self.grammar.accept(token)
        except LocalqwqError:  # not a call of these tools: the parser will see what it is
            self.close()

    def _in_call(self, parser: TokenParser) -> Sequence[int]:
        if self.grammar is None or not self.grammar.complete:
            return ()
        parser.expect_close()
        lead = "" if parser.body.endswith("\n") else "\n"
        return self._put_in([*self._tokenize(lead), *self._tag(Tag.CALL_CLOSE)])

    def _in_answer(self, parser: TokenParser) -> Sequence[int]:
        if self._calls and not self._request.parallel_tool_calls:
            return self._put_in([self._turn_end()])
        if not parser.blank:
            if self.grammar is not None:
                self.grammar.exempt = frozenset()
                parser.expect_text()
            return ()
        if parser.held and self.grammar is not None:
            return self._complete_tag(parser)
        may_think = parser.may_think and self._thinks
        if self._calls == 0 and self._request.tool_choice not in ("auto", "none"):
            return self._demand_call(parser, may_think)
        if self._answer_form is not None:
            self._hold_answer(may_think)
        return ()

    def _demand_call(self, parser: TokenParser, may_think: bool) -> Sequence[int]:
        """Require the turn to be a call, after a thought."""
        if self._format == "bare":
            return self._put_in(self._tokenize("{"))
        if may_think:
            self._begin(_NOTHING, self._openings(Tag.THINK_OPEN) | self._openings(Tag.CALL_OPEN))
            return ()
        lead = "\n\n" if parser.reasoning_tokens else ""
        return self._put_in([*self._tokenize(lead), *self._tag(Tag.CALL_OPEN)])

    def _hold_answer(self, may_think: bool) -> None:
        assert self._answer_form is not None
        exempt: frozenset[int] = frozenset()
        if may_think:
            exempt |= self._openings(Tag.THINK_OPEN)
        if self._with_tools:
            exempt |= self._openings(Tag.CALL_OPEN)
        if self._calls:
            exempt |= frozenset(self._model.all_ends)
        self._begin(self._answer_form, exempt)

    def _begin(self, form: str, exempt: frozenset[int]) -> None:
        if self.grammar is None:
            self.grammar = Grammar(self._model, form)
            self.grammar.exempt = exempt

    def _complete_tag(self, parser: TokenParser) -> Sequence[int]:
        """Complete a tag written as text that the model has begun."""
        for tag in (Tag.THINK_OPEN, Tag.CALL_OPEN):
            if tag.value.startswith(parser.held) and (tag is Tag.CALL_OPEN or parser.may_think):
                return self._put_in(self._tokenize(tag.value[len(parser.held) :]))
        return ()

    def _put_in(self, tokens: Sequence[int]) -> Sequence[int]:
        self.close()
        self._putting_in = True
        return tokens

    def _tokenize(self, text: str) -> list[int]:
        return self._model.tokenize(text, begin=False, special=False) if text else []

    def _tag(self, tag: Tag) -> list[int]:
        token = self._tag_token(tag)
        return self._tokenize(tag.value) if token is None else [token]

    def _tag_token(self, tag: Tag) -> int | None:
        tags = self._model.tags.by_id().items()
        return next((token for token, other in tags if other is tag), None)

    def _openings(self, tag: Tag) -> frozenset[int]:
        """Return the tag's token, or those that its text can begin with."""
        if (token := self._tag_token(tag)) is not None:
            return frozenset({token})
        beginnings = [tag.value[:length] for length in range(1, len(tag.value) + 1)]
        tokens = [self._tokenize(beginning) for beginning in beginnings]
        return frozenset(
            found[0]
            for found, text in zip(tokens, beginnings, strict=True)
            if len(found) == 1 and self._model.piece(found[0]) == text.encode()
        )

    def _turn_end(self) -> int:
        end = int(binding().llama_vocab_eot(self._model.vocabulary))
        return end if end in self._model.all_ends else self._model.all_ends[0]


def _answer_form(request: GenerationRequest) -> str | None:
    """Return the grammar for the answer; raises :class:`RequestRefused`."""
    wanted = request.response_format
    if wanted is None or wanted.get("type") == "text":
        return None
    try:
        return _cached_answer_form(json.dumps(wanted), turn=request.prompt is None)
    except SchemaRefused as refusal:
        raise RequestRefused("response_format", str(refusal)) from refusal
    except (TypeError, ValueError, RecursionError) as error:
        message = "The response_format is not JSON, or is nested too deeply."
        raise RequestRefused("response_format", message) from error


def _call_form(request: GenerationRequest, choice: str, calls: CallFormat = "tagged") -> str:
    """Return the grammar for a call's body; ``choice``: a tool's name, or ``auto`` for all
    tools.
    """
    try:
        tools = [tool for tool in request.tools if choice in ("auto", tool["function"]["name"])]
        if not tools:
            raise RequestRefused("tool_choice", f"There is no tool named {choice[:80]!r}.")
        return _cached_call_form(json.dumps(tools), calls)
    except SchemaRefused as refusal:
        raise RequestRefused("tools", str(refusal)) from refusal
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        message = "The tools are not JSON in OpenAI's form, or are nested too deeply."
        raise RequestRefused("tools", message) from error


@lru_cache(maxsize=32)
def _cached_answer_form(wanted: str, *, turn: bool) -> str:
    return answer_grammar(json.loads(wanted), turn=turn)


@lru_cache(maxsize=32)
def _cached_call_form(tools: str, calls: CallFormat) -> str:
    if calls == "xml":
        return xml_call_grammar(json.loads(tools))
    return call_grammar(json.loads(tools), "parameters" if calls == "bare" else "arguments")
