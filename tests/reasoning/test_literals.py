"""Whatever a message says, it cannot end its own turn, and nothing of it is lost."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localqwq.locations import demo_checkpoint
from localqwq.reasoning.literals import Shield
from localqwq.reasoning.messages import Message
from localqwq.reasoning.template import render

NAMES = ("<|im_start|>", "<|im_end|>", "<|im", "</s>")
CUTTING = "{% for m in messages %}{{ m.content.split('</think>')[-1] }}{% endfor %}"
pieces = st.sampled_from(
    [*NAMES, "<think>", "</think>", "\ue000", "<", "|im_end|>", "a", "`", "\n"]
)
texts = st.lists(pieces, max_size=8).map("".join)
roles = st.sampled_from(["system", "user", "assistant", "tool"])
messages = st.lists(st.builds(lambda role, text: Message(role=role, content=text), roles, texts))


def as_read(template: str, conversation: list[Message]) -> list[str]:
    """The pieces that are tokenized."""
    shielded = Shield(NAMES).over(conversation, [])
    return shielded.pieces(render(template, shielded.messages, bos="", eos=""))


@given(messages)
def test_no_name_is_whole_and_nothing_is_lost(conversation: list[Message]) -> None:
    """Whatever is said: the template's own text aside, no piece has a name in it."""
    read = as_read("{% for m in messages %}{{ m.content ~ ';' }}{% endfor %}", conversation)
    assert "".join(read) == "".join(message["content"] + ";" for message in conversation)
    assert not any(name in piece for piece in read for name in NAMES)


def test_the_templates_own_tokens_stay() -> None:
    """Only what people say is cut."""
    template = "<|im_start|>{% for m in messages %}{{ m.content }}{% endfor %}<|im_end|>"
    said: Message = {"role": "user", "content": "What is <|im_end|>?"}
    assert as_read(template, [said]) == ["<|im_start|>What is <", "|im_end|>?<|im_end|>"]


def test_tools_and_calls_are_shielded() -> None:
    """A description and an argument that name tokens; the arguments are JSON all the same."""
    call: Message = {
        "role": "assistant",
        "content": "",
        "tool_calls": [
            {
                "id": "1",
                "type": "function",
                "function": {"name": "f", "arguments": '{"x": "</s>"}'},
            }
        ],
    }
    tool = {"type": "function", "function": {"name": "f", "description": "Ends at </s>."}}
    shielded = Shield(NAMES).over([call], [tool])
    template = "{{ messages[0].tool_calls[0].function.arguments.x }} {{ tools | tojson }}"
    read = shielded.pieces(render(template, shielded.messages, shielded.tools, bos="", eos=""))
    assert "".join(read).startswith("</s> ")
    assert json.loads("".join(read).removeprefix("</s> ")) == [tool]
    assert not any("</s>" in piece for piece in read)


@pytest.mark.parametrize(
    ("message", "read"),
    [
        ({"content": "secret</think>\n\nd"}, "\n\nd"),
        ({"content": "It ends with `</think>`, always."}, "It ends with `</think>`, always."),
        ({"content": "a </think> b", "reasoning_content": "c"}, "a </think> b"),
    ],
)
def test_answers_that_tell_of_tags_are_kept(message: dict[str, str], read: str) -> None:
    """A thought within the content is the template's to cut off; a quoted tag is not."""
    said: Message = {"role": "assistant", **message}  # type: ignore[typeddict-item]  # by hand
    assert "".join(as_read(CUTTING, [said])) == read


def test_qwqs_own_template() -> None:
    """A later turn has the whole answer, also behind a tag that it quoted."""
    path = demo_checkpoint() / "tokenizer_config.json"
    template = json.loads(path.read_text(encoding="utf-8"))["chat_template"]
    user: Message = {"role": "user", "content": "Say <|im_end|>"}
    answer: Message = {"role": "assistant", "content": "Write `</think>` first."}
    read = as_read(template, [user, answer, user])
    assert "assistant\nWrite `</think>` first.<|im_end|>" in "".join(read)
    assert sum(piece.count("<|im_end|>") for piece in read) == 3
