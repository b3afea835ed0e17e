"""Conversations as text through QwQ's own chat template, so that training equals use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jinja2

from .data import Conversation
from .example import Message

_FOLDER = Path(__file__).parent


def _template() -> jinja2.Template:
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True)
    # transformers and llama.cpp write JSON with the keys in their order, and no HTML escapes.
    environment.filters["tojson"] = lambda value: json.dumps(value, ensure_ascii=False)
    config = json.loads((_FOLDER / "tokenizer_config.json").read_text("utf-8"))
    return environment.from_string(config["chat_template"])


TEMPLATE = _template()
OPENING = "<|im_start|>assistant\n<think>\n"


def prompt_text(messages: list[Message], tools: list[dict[str, Any]]) -> str:
    """What the model reads before it continues, up to the opened thought."""
    return TEMPLATE.render(messages=messages, tools=tools, add_generation_prompt=True)


def reply_text(message: Message) -> str:
    """What the model writes for an assistant message: thought, then answer or call."""
    text = f"{message['thought']}\n</think>\n\n{message['content']}"
    for call in message.get("tool_calls", []):
        text += f"<tool_call>\n{json.dumps(call['function'], ensure_ascii=False)}\n</tool_call>"
    return text + "<|im_end|>"


def history_text(messages: list[Message], tools: list[dict[str, Any]]) -> str:
    """A conversation as later turns see it: without thoughts, without an opened reply."""
    return TEMPLATE.render(messages=messages, tools=tools, add_generation_prompt=False)


def whole_text(conversation: Conversation) -> str:
    """History and all replies with their thoughts: every word the model ever reads or writes."""
    replies = [reply_text(m) for m in conversation.messages if m["role"] == "assistant"]
    return history_text(conversation.messages, conversation.tools) + "\n".join(replies)
