"""Generated tokens become thought, answer and tool calls."""

import json
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from localqwq.reasoning.events import Answer, Thought, ToolCall
from localqwq.reasoning.parser import Parser, Piece, Tags, starts_in_thought

THINK, THOUGHT_ENDS, CALL, CALL_ENDS = 1, 2, 3, 4
TAGS = Tags(THINK, THOUGHT_ENDS, CALL, CALL_ENDS)
TEXTS = {
    THINK: "<think>",
    THOUGHT_ENDS: "</think>",
    CALL: "<tool_call>",
    CALL_ENDS: "</tool_call>",
}
Token = int | str
"""A tag by its id, or the text of an ordinary token."""

words = st.text("ab \n<>/{}ä", max_size=6)
tokens = st.lists(st.one_of(st.sampled_from(sorted(TEXTS)), words), max_size=20)


def parse(
    sequence: Sequence[Token], *, in_thought: bool = True, tags: Tags = TAGS
) -> tuple[list[Piece], Parser]:
    """All events of a generation, and the parser with its counts."""
    parser = Parser(tags, in_thought)
    events: list[Piece] = []
    for token in sequence:
        id_, text = (token, TEXTS[token]) if isinstance(token, int) else (100, token)
        events += parser.feed(id_, text)
    return events + parser.flush(), parser


def thought(events: Sequence[Piece]) -> str:
    """The whole thought."""
    return "".join(event.text for event in events if isinstance(event, Thought))


def answer(events: Sequence[Piece]) -> str:
    """The whole answer."""
    return "".join(event.text for event in events if isinstance(event, Answer))


def calls(events: Sequence[Piece]) -> list[tuple[str, str]]:
    """Names and arguments of the calls."""
    return [(event.name, event.arguments) for event in events if isinstance(event, ToolCall)]


def test_thought_then_answer_without_surrounding_newlines() -> None:
    """QwQ's usual output: the thought is open already, blank lines frame both parts."""
    events, parser = parse(["\n", "Hm", ".\n", "\nYes", "\n", THOUGHT_ENDS, "\n\n", "It", " is.\n"])
    assert (thought(events), answer(events)) == ("Hm.\n\nYes", "It is.")
    assert (parser.reasoning_tokens, parser.completion_tokens) == (6, 9)


def test_the_model_may_open_the_thought_itself() -> None:
    """A template that opens no thought, and one that does while the model opens it again."""
    for in_thought in (False, True):
        events, parser = parse([THINK, "\na", THOUGHT_ENDS, "b"], in_thought=in_thought)
        assert (thought(events), answer(events)) == ("a", "b")
        assert parser.reasoning_tokens == 3


def test_talk_about_tags_is_text() -> None:
    """Tags made of ordinary tokens, and tag tokens where no tag can be."""
    events, _ = parse(["</think>", " is", THINK, THOUGHT_ENDS, "a", THINK, THOUGHT_ENDS, CALL_ENDS])
    assert thought(events) == "</think> is<think>"
    assert answer(events) == "a<think></think></tool_call>"


def test_a_call_is_handed_on_complete() -> None:
    """Two calls in a row, the second with its arguments as text."""
    first: list[Token] = [CALL, '\n{"name": "f",', ' "arguments": {"x": "ä"}}\n', CALL_ENDS]
    second: list[Token] = [CALL, r'{"name": "g", "arguments": "{\"y\": 1}"}', CALL_ENDS]
    events, parser = parse([THOUGHT_ENDS, "\n\n", *first, "\n", *second])
    assert calls(events) == [("f", '{"x": "ä"}'), ("g", '{"y": 1}')]
    assert answer(events) == ""
    ids = [event.id for event in events if isinstance(event, ToolCall)]
    assert len(set(ids)) == 2
    assert parser.completion_tokens - parser.reasoning_tokens == 9


def test_a_malformed_call_is_answer() -> None:
    """Nothing that was generated is lost: wrong JSON, no name, arguments that are no object."""
    for body in ("{", '{"arguments": {}}', '{"name": 1}', '{"name": "f", "arguments": [1]}', "[]"):
        events, _ = parse([CALL, body, CALL_ENDS, "x"], in_thought=False)
        assert answer(events) == f"<tool_call>{body}</tool_call>x"
        assert calls(events) == []


def test_prose_after_the_call_tag_streams_on() -> None:
    """A model that explains the tag is not held back until the end."""
    parser = Parser(TAGS, in_thought=False)
    assert parser.feed(CALL, "<tool_call>") == []
    assert parser.feed(100, " is") == [Answer("<tool_call> is", 2)]


def test_a_call_cut_off_before_its_closing_tag() -> None:
    """Complete JSON is a call all the same; incomplete JSON is shown."""
    body = '{"name": "f"}'
    assert calls(parse([CALL, body], in_thought=False)[0]) == [("f", "{}")]
    assert answer(parse([CALL, body[:-1]], in_thought=False)[0]) == "<tool_call>" + body[:-1]


def test_deep_json_is_no_crash() -> None:
    """A body that nests beyond Python's recursion limit is text."""
    body = '{"a":' * 100_000
    assert answer(parse([CALL, body, CALL_ENDS], in_thought=False)[0]).endswith("</tool_call>")


def test_a_vocabulary_without_tags_has_only_answers() -> None:
    """Everything is text then."""
    events, parser = parse(["<think>", "a", "</think>"], in_thought=False, tags=Tags())
    assert answer(events) == "<think>a</think>"
    assert parser.reasoning_tokens == 0


@given(tokens, st.booleans())
def test_counts_add_up(sequence: list[Token], in_thought: bool) -> None:
    """Events bring each token once, thoughts those of the thought."""
    events, parser = parse(sequence, in_thought=in_thought)
    counted = [event for event in events if not isinstance(event, ToolCall)]
    assert sum(event.tokens for event in counted) == parser.completion_tokens == len(sequence)
    of_thoughts = sum(event.tokens for event in counted if isinstance(event, Thought))
    assert of_thoughts == parser.reasoning_tokens


@given(tokens, st.booleans(), st.data())
def test_the_cut_of_the_text_does_not_matter(
    sequence: list[Token], in_thought: bool, data: st.DataObject
) -> None:
    """The same text in other tokens gives the same thought, answer and calls."""
    recut: list[Token] = []
    for token in sequence:
        if isinstance(token, int):
            recut.append(token)
        else:
            cut = data.draw(st.integers(0, len(token)))
            recut += [token[:cut], token[cut:]]
    before, _ = parse(sequence, in_thought=in_thought)
    after, _ = parse(recut, in_thought=in_thought)
    assert thought(before) == thought(after)
    assert answer(before) == answer(after)
    assert calls(before) == calls(after)


@given(st.lists(words), st.lists(words))
def test_nothing_but_newlines_is_lost(thoughts: list[str], answers: list[str]) -> None:
    """Thought and answer are what was generated, without the newlines around them."""
    events, _ = parse([*thoughts, THOUGHT_ENDS, *answers])
    assert thought(events) == "".join(thoughts).strip("\n")
    assert answer(events) == "".join(answers).strip("\n")


@given(
    st.text(min_size=1),
    st.dictionaries(st.text(), st.one_of(st.none(), st.integers(), st.text()), max_size=4),
)
def test_any_call_survives(name: str, arguments: dict[str, object]) -> None:
    """Names and arguments of any text come back as they were."""
    body = json.dumps({"name": name, "arguments": arguments})
    ((found, text),) = calls(parse([CALL, *body, CALL_ENDS], in_thought=False)[0])
    assert found == name
    assert json.loads(text) == arguments


def test_where_generation_begins() -> None:
    """The last tag of the last turn decides; earlier turns do not count."""
    end = 9
    for prompt, expected in [
        ([], False),
        ([5, THINK, 6], True),
        ([THINK, 5, THOUGHT_ENDS, 6], False),
        ([THINK, 5, end, 6], False),
        ([THOUGHT_ENDS, end, 5, THINK], True),
    ]:
        assert starts_in_thought(prompt, THINK, THOUGHT_ENDS, {end}) is expected
    assert not starts_in_thought([5, 6], None, None, {end})


def test_calls_in_a_thought_that_was_never_closed() -> None:
    """The model ended its turn behind them: they are told, and the thought keeps their text."""
    call: list[Token] = [CALL, '{"name": "f", "parameters": {"a": 1}}', CALL_ENDS]
    events, _ = parse(["So ", *call])
    assert calls(events) == [("f", '{"a": 1}')]
    assert thought(events) == 'So <tool_call>{"name": "f", "parameters": {"a": 1}}</tool_call>'
    assert not calls(parse(["So ", *call, "no.", THOUGHT_ENDS, "Hi"])[0])
    parser = Parser(TAGS, in_thought=True)
    for token in call:
        id_, text = (token, TEXTS[token]) if isinstance(token, int) else (100, token)
        assert not calls(parser.feed(id_, text))
    assert not calls(parser.flush(ended=False))
