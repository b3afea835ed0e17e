"""Grammars in llama.cpp: what is drawn fits them, and nothing that is drawn ends the process."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from localqwq.engine.gbnf import GbnfMatcher
from localqwq.engine.grammar import Grammar
from localqwq.engine.guidance import GuidedForm
from localqwq.engine.llama.context import Context, Part
from localqwq.engine.llama.model import Model
from localqwq.engine.llama.sampler import BAN, sampler_chain
from localqwq.engine.rope import RopeScaling
from localqwq.errors import LocalqwqError
from localqwq.gguf.sampling import Sampling
from localqwq.reasoning.answer_forms import Form, answer_form
from localqwq.reasoning.grammar_check import problem
from localqwq.reasoning.lark import SchemaRefused


@pytest.fixture(scope="module")
def model(demo_gguf: Path) -> Iterator[Model]:
    """The demo model."""
    model = Model(demo_gguf, gpu_layers=0)
    yield model
    model.close()


@pytest.fixture(scope="module")
def context(model: Model) -> Iterator[Context]:
    """A context of its own."""
    context = Context(model, size=512, rope=RopeScaling("model"), threads=1, batch=64)
    yield context
    context.close()


def begun(model: Model, form: Form | str) -> Grammar:
    """A text under a grammar; one that is not a form is llama.cpp's."""
    if isinstance(form, str):
        return Grammar(model, GbnfMatcher(model, form))
    return Grammar(model, GuidedForm(model, form.text, is_json=form.is_json).begin())


def generate(
    model: Model,
    context: Context,
    form: Form | str,
    sampling: Sampling,
    *,
    limit: int = 250,
    bias: dict[int, float] | None = None,
) -> str | None:
    """What the model writes under a grammar; ``None`` where it does not come to an end."""
    context.cut(0, 0)
    tokens = model.tokenize("Which is larger?")
    position = len(tokens)
    grammar = begun(model, form)
    written = b""
    try:
        with sampler_chain(sampling, model, context=512, bias=bias) as chain:
            (index,) = context.decode([Part(0, 0, tokens, 1)])
            for _ in range(limit):
                token = grammar.sample(chain, context.handle, index)
                if model.ends_generation(token):
                    return written.decode()
                written += model.piece(token)
                (index,) = context.decode([Part(0, position, [token], 1)])
                position += 1
    finally:
        grammar.close()
    return None


def grammar_of(schema: Any) -> Form:
    """The grammar for answers by this schema."""
    described = {"name": "it", "schema": schema, "strict": True}
    return answer_form({"type": "json_schema", "json_schema": described}, problem)


ANYTHING = answer_form({"type": "json_object"}, problem)
OWN_ANYTHING = r"""root ::= "{" string ":" [0-9] "}"
string ::= "\"" [^"\\]* "\""
"""
"""The same for a text of the tests, in llama.cpp's notation."""
both = pytest.mark.parametrize("form", [ANYTHING, OWN_ANYTHING], ids=["llguidance", "llama.cpp"])


def wild(seed: int) -> Sampling:
    """All tokens, nearly as likely as each other."""
    return Sampling(temperature=2.0, top_k=0, top_p=1.0, seed=seed)


class Leaf(BaseModel):
    """An end of a tree."""

    kind: Literal["leaf"]
    share: float = Field(ge=-0.5, lt=2)


class Branch(BaseModel):
    """A tree with trees in it."""

    kind: Literal["branch"]
    parts: list["Branch | Leaf"] = Field(max_length=2)


class Everything(BaseModel):
    """Most of what pydantic says in a schema."""

    name: str = Field(min_length=1, max_length=8)
    code: str = Field(pattern=r"^[A-Z]{2}-\d+$", max_length=None)
    age: int = Field(ge=18, le=120)
    size: Literal["s", "m", 'x"l', "größe\n"]
    even: bool | None
    pair: tuple[int, Literal["a"]]
    scores: dict[str, float] = Field(default_factory=dict)
    tree: Branch | Leaf | None = None


@pytest.mark.parametrize("kind", [Leaf, Branch, Everything])
def test_answers_are_valid_for_their_schema(
    model: Model, context: Context, kind: type[BaseModel]
) -> None:
    """By many seeds at temperature 2, as pydantic judges it."""
    form = grammar_of(kind.model_json_schema())
    ended = 0
    for seed in range(21):
        text = generate(model, context, form, wild(seed))
        if text is not None:
            kind.model_validate_json(text, strict=True)
            ended += 1
        if seed >= 6 and ended >= 2:
            break
    assert ended >= 2


def test_the_same_seed_gives_the_same_text(model: Model, context: Context) -> None:
    """And another seed another text."""
    form = grammar_of(Everything.model_json_schema())
    texts = [
        generate(model, context, form, wild(seed), limit=40) or str(seed) for seed in (5, 5, 6)
    ]
    assert texts[0] == texts[1] != texts[2]


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sampling=st.builds(
        Sampling,
        temperature=st.sampled_from([0.0, 0.6, 50.0]),
        top_k=st.sampled_from([0, 1, 40]),
        top_p=st.sampled_from([0.01, 0.95, 1.0]),
        min_p=st.sampled_from([0.0, 0.9]),
        typical_p=st.sampled_from([0.2, 1.0]),
        xtc_probability=st.sampled_from([0.0, 1.0]),
        xtc_threshold=st.just(0.01),
        dry_multiplier=st.sampled_from([0.0, 5.0]),
        repeat_penalty=st.sampled_from([1.0, 3.0]),
        seed=st.integers(0, 99),
    ),
    banned=st.sampled_from(['{}"', "0123456789", "{", '"']),
)
def test_no_sampler_gets_past_the_grammar(
    model: Model, context: Context, sampling: Sampling, banned: str
) -> None:
    """All of them on, and biases against just what the grammar wants."""
    tokens = [token for letter in banned for token in model.tokenize(letter, begin=False)]
    bias = dict.fromkeys([*tokens, *model.all_ends], BAN)
    form = grammar_of({"type": "array", "items": {"enum": ["a", 1]}, "maxItems": 3})
    text = generate(model, context, form, sampling, bias=bias)
    assert text is not None
    assert set(json.loads(text)) <= {"a", 1}


def feed(grammar: Grammar, model: Model, text: bytes) -> None:
    """Accept the text byte by byte."""
    by_piece = {model.piece(token): token for token in range(model.size)}
    for byte in text:
        grammar.accept(by_piece[bytes([byte])])


@pytest.mark.parametrize(
    "form",
    ["root ::= [a-zé€😀]+\n", answer_form({"type": "regex", "pattern": "[a-zé€😀]+"}, problem)],
    ids=["llama.cpp", "llguidance"],
)
def test_characters_may_be_spread_over_tokens(model: Model, form: Form | str) -> None:
    """And a text is not complete in the middle of one."""
    grammar = begun(model, form)
    feed(grammar, model, "é€".encode())
    assert grammar.complete
    feed(grammar, model, "😀".encode()[:3])
    assert not grammar.complete
    with pytest.raises(LocalqwqError):
        feed(grammar, model, b"a")
    feed(grammar, model, "😀".encode()[3:])
    assert grammar.complete
    grammar.close()


@pytest.mark.parametrize("wrong", [b"\xed\xa0", b"\xc0\x80", b"\xe0\x80\x80", b"\xf4\x90", b"\x80"])
@both
def test_bytes_that_are_no_text(model: Model, wrong: bytes, form: Form | str) -> None:
    """Half a surrogate pair, overlong sequences and more: refused before llama.cpp has them."""
    grammar = begun(model, form)
    feed(grammar, model, b'{"')
    with pytest.raises(LocalqwqError):
        feed(grammar, model, wrong)
    grammar.close()


@both
def test_tokens_that_are_no_text(model: Model, form: Form | str) -> None:
    """Control tokens and tags have names that would fit into a string; ends come at the end."""
    grammar = begun(model, form)
    feed(grammar, model, b'{"')
    special = [*model.all_ends, *model.tags.by_id(), *model.tokenize("<|im_start|>")]
    assert not any(grammar.allows(token) for token in special)
    feed(grammar, model, b'":1}')
    assert grammar.complete
    assert all(grammar.allows(end) for end in model.all_ends)
    grammar.close()


def test_exempt_tokens_come_instead(model: Model, context: Context) -> None:
    """They are the only ones where no text fits, and drawn like any other."""
    call = model.tags.call_open
    assert call is not None
    (index,) = context.decode([Part(1, 0, model.tokenize("a"), 1)])
    for form in ("root ::= [\\U7FFFFFFF]\n", ANYTHING):
        grammar = begun(model, form)
        grammar.exempt = frozenset({call})
        sampling = wild(1)
        bias = {token: BAN for token in range(model.size) if token != call}
        with sampler_chain(sampling, model, context=512, bias=bias) as chain:
            assert grammar.sample(chain, context.handle, index) == call
        grammar.close()


def test_a_vocabulary_without_the_text(model: Model, context: Context) -> None:
    """Nothing fits: a sentence, and the process lives."""
    with pytest.raises(LocalqwqError, match="no token that fits"):
        generate(model, context, "root ::= [\\U7FFFFFFF]\n", Sampling(temperature=0, seed=1))


def test_a_grammar_that_grows_without_end(model: Model) -> None:
    """Its text ends with a sentence, and it is compiled anew for the next one."""
    pattern = "(.*a.{20})|(.*b.{21})|(.*c.{22})"
    form = grammar_of({"type": "string", "pattern": pattern})
    guided = GuidedForm(model, form.text, is_json=True)
    matcher = guided.begin()
    by_piece = {model.piece(token): token for token in range(model.size)}
    letters = Random(1)
    matcher.advance(by_piece[b'"'])
    assert not guided.spent
    with pytest.raises(LocalqwqError, match="too complex"):
        for letter in letters.choices(b"abc ", k=20_000):
            matcher.advance(by_piece[bytes((letter,))])
            matcher.all_that_fit()
    assert guided.spent
    feed(Grammar(model, GuidedForm(model, form.text, is_json=True).begin()), model, b'"a')


@pytest.mark.parametrize("gbnf", ["root ::= root", "root ::= x", "a ::= [a"])
def test_broken_grammars(model: Model, gbnf: str) -> None:
    """Undefined and endless ones are refused."""
    with pytest.raises(LocalqwqError, match="rejects the grammar"):
        begun(model, gbnf)


REF = {"$ref": "#"}
WIDE = {"type": "object", "properties": {f"p{index}": {} for index in range(250)}}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "items": REF},
        {"type": "object", "additionalProperties": REF},
        {"anyOf": [{"type": "array", "items": REF}, {"type": "null"}]},
        {"anyOf": [{"type": "array", "items": REF}, {"type": "array", "prefixItems": [REF]}]},
        WIDE,
        {**WIDE, "additionalProperties": True},
        {"enum": [f"{index:05}" * 3 for index in range(2000)]},
        {"type": "string", "maxLength": 100_000},
        {"type": "string", "pattern": "^(a|b|ab|ba){10}(a{1,9}b{0,9}){5}$"},
        {"type": "string", "pattern": "a.*b.*c"},
        {"type": "integer", "minimum": -987654321012345678, "maximum": 123456789},
        {"type": "number", "exclusiveMinimum": 1e-17, "maximum": 1e17},
    ],
)
def test_costly_schemas(model: Model, schema: Any) -> None:
    """Refused, or a grammar that takes long texts without end in little memory."""
    try:
        grammar = begun(model, grammar_of(schema))
    except SchemaRefused:
        return
    for text in (b'["' + b"ab" * 60, b"[" * 200, b'{"p1": [[[' * 8, b'"' + b"ab" * 90, b"-98765.4"):
        try:
            feed(grammar, model, text)
        except LocalqwqError:
            grammar.close()
            grammar = begun(model, grammar_of(schema))
    grammar.close()


keywords = st.fixed_dictionaries(
    {},
    optional={
        "minimum": st.integers(-20, 0),
        "maximum": st.integers(0, 20),
        "minItems": st.integers(0, 2),
        "maxItems": st.integers(2, 3),
        "maxLength": st.integers(0, 3),
    },
)
schemas = st.recursive(
    st.builds(
        lambda kind, more: {"type": kind, **more},
        st.sampled_from(["integer", "number", "string", "boolean", "null"]),
        keywords,
    )
    | st.builds(lambda values: {"enum": values}, st.lists(st.text(max_size=3), min_size=1)),
    lambda inner: (
        st.builds(
            lambda items, more: {"type": "array", "maxItems": 3, "items": items, **more},
            inner,
            keywords,
        )
        | st.builds(
            lambda properties, needed: {
                "type": "object",
                "properties": properties,
                "required": list(properties)[:needed],
                "additionalProperties": False,
            },
            st.dictionaries(st.text(max_size=3), inner, max_size=3),
            st.integers(0, 3),
        )
        | st.builds(lambda ways: {"anyOf": ways}, st.lists(inner, min_size=1, max_size=2))
    ),
    max_leaves=5,
)


def kind_of(value: Any) -> str:
    """The JSON type of a value; integers are numbers."""
    names = {bool: "boolean", int: "number", float: "number", str: "string", list: "array"}
    return names.get(type(value), "null" if value is None else "object")


def is_valid(schema: Any, value: Any) -> bool:
    """Whether the value is one of the schema, by the meaning of the few keywords above."""
    if "anyOf" in schema:
        return any(is_valid(way, value) for way in schema["anyOf"])
    if "enum" in schema:
        return value in schema["enum"]
    kind = kind_of(value)
    if kind != ("number" if schema["type"] == "integer" else schema["type"]):
        return False
    if kind == "number":
        whole = schema["type"] == "number" or isinstance(value, int)
        low, high = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
        return whole and bool(low <= value <= high)
    if kind == "string":
        return bool(len(value) <= schema.get("maxLength", math.inf))
    if kind == "array":
        fits = schema.get("minItems", 0) <= len(value) <= schema["maxItems"]
        return fits and all(is_valid(schema["items"], item) for item in value)
    if kind == "object":
        properties = schema["properties"]
        known = all(is_valid(properties.get(name, {"enum": []}), value[name]) for name in value)
        return known and set(schema["required"]) <= set(value)
    return True


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(schema=schemas, seed=st.integers(0, 1000))
def test_any_schema(model: Model, context: Context, schema: Any, seed: int) -> None:
    """What comes out is valid for what went in."""
    text = generate(model, context, grammar_of(schema), wild(seed), limit=120)
    if text is not None:
        assert is_valid(schema, json.loads(text)), text
