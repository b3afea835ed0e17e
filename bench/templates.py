"""Chat templates: what localqwq renders, beside Hugging Face's transformers.

    python -m bench.templates FOLDER --witness PYTHON [--json]

FOLDER holds ``*.jinja``, such as ``vendor/llama.cpp/models/templates`` in llama-cpp-python's source
(``pip download --no-deps --no-binary llama-cpp-python llama-cpp-python``). PYTHON is an interpreter
that has transformers. Each conversation is given to both in the form that localqwq has found the
template to take. A line tells of how many prompts are the same, what the template takes, and what
of a conversation is not in its prompt.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, cast

from localqwq.errors import LocalqwqError
from localqwq.reasoning.messages import Message
from localqwq.reasoning.template import render
from localqwq.reasoning.template_messages import for_template
from localqwq.reasoning.template_probe import traits_of
from localqwq.reasoning.template_traits import TemplateTraits

_WITNESS = """
import json, sys
from transformers.utils.chat_template_utils import render_jinja_template
for line in sys.stdin:
    asked = json.loads(line)
    try:
        (prompt,), _ = render_jinja_template(
            [asked["messages"]], tools=asked["tools"], chat_template=asked["template"],
            add_generation_prompt=True, bos_token="<s>", eos_token="</s>", **asked["variables"])
        print(json.dumps({"prompt": prompt}), flush=True)
    except Exception as error:
        print(json.dumps({"error": str(error)}), flush=True)
"""
Json = dict[str, Any]
_TOOL: Json = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a place",
        "parameters": {
            "type": "object",
            "properties": {"place": {"type": "string", "description": "A town"}},
            "required": ["place"],
        },
    },
}


def _call(number: int) -> Json:
    arguments = '{"place": "Graz' + str(number) + '"}'
    function = {"name": "weather", "arguments": arguments}
    return {"id": f"call_{number}", "type": "function", "function": function}


_SYSTEM: Json = {"role": "system", "content": "Be brief."}
_USER: Json = {"role": "user", "content": "Hello, who?"}
_ANSWER: Json = {"role": "assistant", "content": "I am one."}
_THOUGHT: Json = {**_ANSWER, "reasoning_content": "They greet."}
_CALLS: Json = {"role": "assistant", "content": "", "tool_calls": [_call(1)]}
_TWO: Json = {"role": "assistant", "content": "", "tool_calls": [_call(1), _call(2)]}
_SAID: Json = {**_CALLS, "content": "I look."}
_RESULTS: list[Json] = [
    {"role": "tool", "tool_call_id": f"call_{number}", "content": f"Sunny{number}"}
    for number in (1, 2)
]
_NEXT: Json = {"role": "user", "content": "And tomorrow?"}
_AFTER = [_RESULTS[0], _ANSWER, _NEXT]


@dataclass(frozen=True)
class Conversation:
    """What is rendered, and the words that have to be in the prompt."""

    messages: Sequence[Json]
    words: Sequence[str]
    tools: Sequence[Json] = ()
    variables: Mapping[str, Any] | None = None


_TOOLS = ["weather", "place"]
CONVERSATIONS: Mapping[str, Conversation] = {
    "user": Conversation([_USER], ["Hello"]),
    "system": Conversation([_SYSTEM, _USER], ["brief", "Hello"]),
    "turns": Conversation([_USER, _ANSWER, _NEXT], ["Hello", "am one", "tomorrow"]),
    "thought": Conversation([_USER, _THOUGHT, _NEXT], ["Hello", "am one", "tomorrow"]),
    "two users": Conversation([_USER, _NEXT], ["Hello", "tomorrow"]),
    "tools": Conversation([_SYSTEM, _USER], ["brief", *_TOOLS], [_TOOL]),
    "call": Conversation([_USER, _CALLS], ["weather", "Graz1"], [_TOOL]),
    "result": Conversation([_USER, _CALLS, _RESULTS[0]], ["Graz1", "Sunny1"], [_TOOL]),
    "no tools": Conversation([_USER, _CALLS, _RESULTS[0]], ["weather", "Graz1", "Sunny1"]),
    "said": Conversation([_USER, _SAID, *_AFTER], ["I look", "Graz1", "Sunny1"], [_TOOL]),
    "two calls": Conversation(
        [_USER, _TWO, *_RESULTS, _ANSWER, _NEXT], ["Graz2", "Sunny2"], [_TOOL]
    ),
    "thinking": Conversation([_USER], ["Hello"], (), {"enable_thinking": True}),
    "no thinking": Conversation([_USER], ["Hello"], (), {"enable_thinking": False}),
}


@dataclass
class Row:
    """What was seen of one template."""

    template: str
    same: int
    other: dict[str, str]
    """By conversation, how the two prompts differ."""
    missing: dict[str, list[str]]
    """By conversation, words that are not in the prompt."""
    takes: dict[str, Any]
    """What is not as with most templates."""


class Witness:
    """transformers in a process of its own."""

    def __init__(self, python: str) -> None:
        pipe = subprocess.PIPE
        command = [python, "-c", _WITNESS]
        self._process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, encoding="utf-8"
        )

    def render(self, **asked: Any) -> Json:
        """The prompt or the error."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        found: Json = json.loads(self._process.stdout.readline())
        return found


def compare(template: str, name: str, witness: Witness) -> Row:
    """All conversations with one template."""
    traits, usual = traits_of(template), TemplateTraits()
    takes = {
        field.name: getattr(traits, field.name)
        for field in fields(traits)
        if getattr(traits, field.name) != getattr(usual, field.name)
    }
    row = Row(name, 0, {}, {}, takes)
    for title, one in CONVERSATIONS.items():
        theirs = witness.render(
            template=template,
            messages=for_template(one.messages, one.tools, traits),
            tools=list(one.tools if traits.tools else ()) or ([] if traits.tools_listed else None),
            variables=dict(one.variables or {}),
        )
        try:
            ours = render(
                template,
                cast(Sequence[Message], one.messages),
                one.tools,
                bos="<s>",
                eos="</s>",
                variables=one.variables,
            )
        except LocalqwqError as error:
            row.other[title] = "both refuse" if "error" in theirs else f"only we refuse: {error}"
            continue
        if ours == theirs.get("prompt"):
            row.same += 1
        else:
            row.other[title] = theirs.get("error", "other text")
        if gone := [word for word in one.words if word not in ours]:
            row.missing[title] = gone
    return row


def lines(rows: Sequence[Row]) -> Iterator[str]:
    """The table."""
    yield "| template | the same | what it takes | otherwise |"
    yield "|---|---|---|---|"
    for row in rows:
        takes = ", ".join(f"{name} {value}" for name, value in row.takes.items())
        notes = [f"{title}: {how[:100]}" for title, how in row.other.items()]
        notes += [f"{title}: without {', '.join(gone)}" for title, gone in row.missing.items()]
        same = f"{row.same} of {len(CONVERSATIONS)}"
        yield f"| {row.template} | {same} | {takes} | {'; '.join(notes)} |"


def main() -> None:
    """Print the table, or all that was seen as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--witness", required=True, metavar="PYTHON")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    witness = Witness(arguments.witness)
    paths = sorted(arguments.folder.glob("*.jinja"))
    rows = [compare(path.read_text(encoding="utf-8"), path.stem, witness) for path in paths]
    if arguments.json:
        json.dump([vars(row) for row in rows], sys.stdout, indent=1)
        return
    print("\n".join(lines(rows)))


if __name__ == "__main__":
    main()
