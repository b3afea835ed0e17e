"""Which grammar applies where in a generation, and which text is inserted."""

from collections.abc import Sequence

from localqwq.engine.forms import Begin, Forms
from localqwq.engine.gbnf import GbnfMatcher
from localqwq.engine.grammar import Grammar
from localqwq.engine.llama.library import binding
from localqwq.engine.llama.model import Model
from localqwq.engine.request import GenerationRequest
from localqwq.errors import LocalqwqError
from localqwq.reasoning.calls import CallFormat
from localqwq.reasoning.listed_call_grammar import CALL_END
from localqwq.reasoning.parser import Place
from localqwq.reasoning.plain import TokenParser
from localqwq.reasoning.tags import Tag

_NOTHING = "root ::= [\\U7FFFFFFF]\n"
"""A grammar that no token fits, so that only exempt ones may come."""
_CALLS = (Tag.CALL_OPEN, Tag.CALLS_OPEN)


class Structure:
    """The form of one generation: of its tool calls, and of its answer if one is requested.

    The thought is free. Within a call the grammar of the tools applies, and the closing tag is
    inserted when the call is complete. If the answer has a form, it applies from the answer's
    beginning; there the model may also open a thought or, with tools, a call instead. After a call
    it may end its turn there, too.
    """

    def __init__(
        self,
        model: Model,
        request: GenerationRequest,
        forms: Forms,
        calls: CallFormat = "tagged",
    ) -> None:
        """Set up for a request with its grammars; ``calls``: how the model writes calls."""
        self._format = calls
        self._forms = forms
        self.grammar: Grammar | None = None
        """The grammar for the next token."""
        self._model = model
        self._request = request
        self._with_tools = bool(request.tools) and request.tool_choice != "none"
        self._place: Place | None = None
        self._putting_in = False
        """Whether inserted tokens that lead elsewhere are still pending."""
        self._calls = 0
        self._thinks = Tag.THINK_OPEN.value in (model.facts.chat_template or "")

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
            self._enter_call(parser)
        return self._in_call(parser)

    def close(self) -> None:
        """Free the grammar."""
        if self.grammar is not None:
            self.grammar.close()
            self.grammar = None

    def _enter_call(self, parser: TokenParser) -> None:
        first = self._calls == 1 and self._request.tool_choice != "required"
        form = self._forms.call if first else self._forms.further_call
        if parser.lists_calls:
            form = self._forms.listed_calls
        if form is None:
            return
        self.grammar = form()
        try:
            # One token can contain a tag that is text and what follows it.
            for token in self._tokenize(parser.body):
                self.grammar.accept(token)
        except LocalqwqError:  # not a call of these tools: the parser will see what it is
            self.close()

    def _in_call(self, parser: TokenParser) -> Sequence[int]:
        if self.grammar is not None and parser.lists_calls:
            if parser.body.endswith(CALL_END):
                parser.expect_close()  # the model writes the tag itself, or another call
            return ()
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
        if self._forms.answer is not None:
            self._hold_answer(self._forms.answer, may_think)
        return ()

    def _demand_call(self, parser: TokenParser, may_think: bool) -> Sequence[int]:
        """Require the turn to be a call, after a thought."""
        if self._format == "bare":
            return self._put_in(self._tokenize("{"))
        opening = Tag.CALL_OPEN if self._forms.listed_calls is None else Tag.CALLS_OPEN
        if may_think:
            self._begin(self._nothing, self._openings(Tag.THINK_OPEN) | self._openings(opening))
            return ()
        lead = "\n\n" if parser.reasoning_tokens else ""
        return self._put_in([*self._tokenize(lead), *self._tag(opening)])

    def _hold_answer(self, form: Begin, may_think: bool) -> None:
        exempt: frozenset[int] = frozenset()
        if may_think:
            exempt |= self._openings(Tag.THINK_OPEN)
        if self._with_tools:
            exempt |= self._openings(Tag.CALL_OPEN)
        if self._forms.listed_calls is not None:
            exempt |= self._openings(Tag.CALLS_OPEN)
        if self._calls:
            exempt |= frozenset(self._model.all_ends)
        self._begin(form, exempt)

    def _begin(self, form: Begin, exempt: frozenset[int]) -> None:
        if self.grammar is None:
            self.grammar = form()
            self.grammar.exempt = exempt

    def _nothing(self) -> Grammar:
        return Grammar(self._model, GbnfMatcher(self._model, _NOTHING))

    def _complete_tag(self, parser: TokenParser) -> Sequence[int]:
        """Complete a tag written as text that the model has begun."""
        for tag in (Tag.THINK_OPEN, Tag.CALL_OPEN, Tag.CALLS_OPEN):
            if tag.value.startswith(parser.held) and (tag in _CALLS or parser.may_think):
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
        named = tag.value.encode()
        return next((token for token, name in self._model.shown.items() if name == named), None)

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
