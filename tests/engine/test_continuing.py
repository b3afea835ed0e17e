"""A turn that is begun already goes on where it was left, with llama.cpp and real templates."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from localqwq.engine.engine import Engine, GenerationRequest, RequestRefused
from localqwq.engine.load_options import LoadOptions
from localqwq.gguf.sampling import Sampling
from localqwq.reasoning.events import Answer, Event, Finish, Thought
from localqwq.reasoning.messages import Message

GREEDY = Sampling(temperature=0)
QUESTION: Message = {"role": "user", "content": "How many r's are in strawberry?"}


def parts(events: Sequence[Event]) -> tuple[str, str, Finish]:
    """The whole thought, the whole answer, and the end."""
    last = events[-1]
    assert isinstance(last, Finish)
    return (
        "".join(event.text for event in events if isinstance(event, Thought)),
        "".join(event.text for event in events if isinstance(event, Answer)),
        last,
    )


def turn(thought: str, answer: str = "") -> Message:
    """An assistant's message."""
    return {"role": "assistant", "content": answer, "reasoning_content": thought}


def go_on(engine: Engine, message: Message, **values: object) -> tuple[str, str, Finish]:
    """What comes after the beginning."""
    fixed = {"messages": [QUESTION, message], "continue_final_message": True, "sampling": GREEDY}
    request = GenerationRequest(**(fixed | values))  # type: ignore[arg-type]  # any of its values
    return parts(list(engine.generate(request)))


@pytest.fixture(scope="module")
def whole(engine: Engine) -> tuple[str, str, Finish]:
    """The turn as it is without a beginning."""
    return parts(list(engine.generate(GenerationRequest([QUESTION], sampling=GREEDY))))


@pytest.mark.parametrize("share", [0.1, 0.7])
def test_a_thought_goes_on(engine: Engine, whole: tuple[str, str, Finish], share: float) -> None:
    """From its own words it comes to the same end, and they are not told again."""
    thought, answer, _ = whole
    cut = thought.index("\n", int(len(thought) * share)) + 1
    more, then, end = go_on(engine, turn(thought[:cut]))
    assert (thought[:cut] + more, then) == (thought, answer)
    assert end.thought == "closed"


@pytest.mark.parametrize("opening", ["<think>", "\n<think>\n"])
def test_a_thought_in_the_content_goes_on(
    engine: Engine, whole: tuple[str, str, Finish], opening: str
) -> None:
    """As one of its own field does; so does what follows its end, and the opening tag alone."""
    thought, answer, _ = whole
    cut = thought.index("\n", len(thought) // 2) + 1
    begun: Message = {"role": "assistant", "content": opening + thought[:cut]}
    more, then, _ = go_on(engine, begun)
    assert (thought[:cut] + more, then) == (thought, answer)
    said = answer[: answer.index(" ")]
    begun["content"] = f"{opening}{thought}</think>\n\n{said}"
    more, then, _ = go_on(engine, begun)
    assert (more, said + then) == ("", answer)
    begun["content"] = opening
    assert go_on(engine, begun)[:2] == (thought, answer)


def test_an_answer_goes_on(engine: Engine, whole: tuple[str, str, Finish]) -> None:
    """After its thought, with nothing thought any more."""
    thought, answer, end = whole
    cut = answer.index(" ", len(answer) // 2)
    more, rest, last = go_on(engine, turn(thought, answer[:cut]))
    assert (more, answer[:cut] + rest) == ("", answer)
    assert last.thought == "none"
    assert last.usage.total_tokens == end.usage.total_tokens


def test_the_cache_has_it(engine: Engine, whole: tuple[str, str, Finish]) -> None:
    """Only what was edited is read anew: the tokens are those that were generated."""
    thought, answer, _ = whole
    _, _, again = parts(list(engine.generate(GenerationRequest([QUESTION], sampling=GREEDY))))
    _, _, last = go_on(engine, turn(thought, answer[:-1]))
    assert again.usage.prompt_tokens < last.usage.cached_tokens
    assert last.usage.prompt_tokens - last.usage.cached_tokens <= 4


def test_the_next_turn_is_read_ahead(engine: Engine, whole: tuple[str, str, Finish]) -> None:
    """With the whole answer in it, the beginning too."""
    thought, answer, _ = whole
    _, rest, _ = go_on(engine, turn(thought, answer[:3]))
    while engine.step():
        pass
    said: Message = {"role": "assistant", "content": answer[:3] + rest}
    request = GenerationRequest([QUESTION, said, QUESTION], sampling=GREEDY, max_tokens=1)
    usage = parts(list(engine.generate(request)))[2].usage
    new = len(engine.tokenize(QUESTION["content"], begin=False, special=False))
    assert usage.prompt_tokens - usage.cached_tokens <= new + 12


def test_an_edited_thought_decides(engine: Engine) -> None:
    """The answer follows what the person wrote, even a thought that is empty."""
    thought, answer, _ = go_on(engine, turn("", "There are"))
    assert (thought, answer[:1]) == ("", " ")
    more, answer, _ = go_on(engine, turn("I count the letters"), reasoning_budget=0, max_tokens=60)
    assert more == ""
    assert answer


@pytest.mark.parametrize(
    "messages",
    [
        [QUESTION],
        [QUESTION, turn("")],
        [
            QUESTION,
            turn("a")
            | {
                "tool_calls": [
                    {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
                ]
            },
        ],
    ],
)
def test_what_cannot_go_on(engine: Engine, messages: list[Message]) -> None:
    """A sentence that names the field."""
    with pytest.raises(RequestRefused, match="must be the assistant's") as refusal:
        engine.prepare(GenerationRequest(messages, continue_final_message=True))
    assert refusal.value.param == "continue_final_message"


def test_nothing_before_what_goes_on(engine: Engine) -> None:
    """The template, which needs a question, is not blamed for that."""
    with pytest.raises(RequestRefused, match="another one must come before it") as refusal:
        engine.prepare(GenerationRequest([turn("The an")], continue_final_message=True))
    assert refusal.value.param == "messages"


def test_no_form_for_half_an_answer(engine: Engine) -> None:
    """A grammar holds from the beginning; within the thought there is still time."""
    form = {"type": "json_object"}
    with pytest.raises(RequestRefused, match="cannot be given a form"):
        go_on(engine, turn("Hm", "{"), response_format=form)
    _, answer, _ = go_on(engine, turn("Hm."), response_format=form, max_tokens=200)
    assert answer.startswith("{")


TEMPLATES = {
    "qwen2.5": (
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    ),
    "r1": (
        "{% for m in messages %}{% if m.role == 'user' %}<|im_start|>{{ m.content }}{% else %}"
        "<|im_end|>{{ m.content.split('</think>')[-1] }}{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}<|im_end|><think>\n{% endif %}"
    ),
    "refuses": (
        "{% for m in messages %}{% if m.role != 'user' %}{{ raise_exception('users only') }}"
        "{% endif %}{{ m.content }}{% endfor %}"
    ),
}
"""As the makers' are, in short: no thought, one that is opened and one that knows no assistant."""


@pytest.fixture(params=[*TEMPLATES, "untagged"])
def other(request: pytest.FixtureRequest, demo_gguf: Path, tmp_path: Path) -> Engine:
    """The demo's weights with another template, or with a vocabulary that has no tags."""
    return _with(demo_gguf, tmp_path / "other.gguf", request.param)


def _with(gguf: Path, path: Path, name: str) -> Engine:
    data = gguf.read_bytes()
    if name in ("untagged", "qwen2.5"):
        for tag in (b"<think>", b"</think>"):  # the first place of each is the list of tokens
            data = data.replace(tag, tag.replace(b"k", b"q"), 1)
    if name in TEMPLATES:
        key = b"tokenizer.chat_template"
        at = data.index(key) + len(key) + 4
        size = int.from_bytes(data[at : at + 8], "little")
        text = TEMPLATES[name].encode()
        text += b"{#" + b" " * (size - len(text) - 4) + b"#}"
        data = data[: at + 8] + text + data[at + 8 + size :]
    path.write_bytes(data)
    return Engine.load(path, LoadOptions(context=512, threads=1))


def test_other_templates(other: Engine) -> None:
    """The text comes last, and right after what the template opens a turn with."""
    with other as engine:
        plain = engine.prepare(GenerationRequest([QUESTION])).prompt
        request = GenerationRequest([QUESTION, turn("Hm", "The an")], continue_final_message=True)
        prompt = engine.prepare(request).prompt
        tokens = list(prompt.tokens)
        assert tokens[: len(plain.tokens)] == list(plain.tokens)
        added = b"".join(map(engine.piece, tokens[len(plain.tokens) :])).decode()
        thinks = engine._model.tags.think_open is not None or "</think>" in (
            engine.facts.chat_template or ""
        )
        opening = "" if plain.in_thought else "<think>\n"
        assert added == (f"{opening}Hm\n</think>\n\nThe an" if thinks else "The an")
        assert (prompt.in_thought, prompt.written) == (False, "The an")
        request = GenerationRequest([QUESTION, turn("Hm")], continue_final_message=True)
        if not thinks:
            with pytest.raises(RequestRefused, match="does not think"):
                engine.prepare(request)
            return
        prompt = engine.prepare(request).prompt
        assert (prompt.in_thought, prompt.written) == (True, "Hm")
        added = b"".join(map(engine.piece, prompt.tokens[len(plain.tokens) :])).decode()
        assert added == opening + "Hm"
