"""What agent programs really send is understood: nothing of it is unknown, refused or dropped."""

from collections import Counter
from pathlib import Path

from localqwq.server.http.body import parse_body
from localqwq.server.http.messages_api import translation as messages_translation
from localqwq.server.http.messages_api.schema import MessagesRequest
from localqwq.server.http.other_fields import unknown_fields
from localqwq.server.http.responses import translation as responses_translation
from localqwq.server.http.responses.schema import ResponsesRequest
from localqwq.server.http.schema import ChatRequest

SENT = Path(__file__).parents[1] / "data" / "agents"


def roles(request: ChatRequest) -> list[str]:
    """Who speaks, one after the other."""
    return [message["role"] for message in request.template_messages()]


def names(request: ChatRequest) -> list[str]:
    """The tools that the model is told of."""
    return [tool["function"]["name"] for tool in request.template_tools()]


def test_codex() -> None:
    """By the Responses API: a tool that OpenAI runs is left out, and its agents' tools are not."""
    request = parse_body(ResponsesRequest, (SENT / "codex.json").read_bytes())
    assert (request.model_extra or {}).keys() <= responses_translation.HARMLESS
    assert request.hosted_tools == ["web_search"]
    chat = responses_translation.to_chat(request)
    assert roles(chat) == ["system", "system", "user", "user"]
    found = names(chat)
    assert "exec_command" in found
    assert "multi_agent_v1__spawn_agent" in found
    assert len(found) == 12
    assert request.store is False


def test_claude_code() -> None:
    """By the Messages API: a system message after the question, and thinking left open."""
    request = parse_body(MessagesRequest, (SENT / "claude.json").read_bytes())
    assert (request.model_extra or {}).keys() <= messages_translation.HARMLESS
    assert request.hosted_tools == []
    chat = messages_translation.to_chat(request)
    assert roles(chat) == ["system", "user", "system"]
    assert len(names(chat)) == 24
    assert (chat.thinking, chat.effort, chat.limit) == (True, "high", 32_000)


def test_opencode() -> None:
    """By chat completions, with usage at the end of the stream."""
    chat = parse_body(ChatRequest, (SENT / "opencode.json").read_bytes())
    assert list(unknown_fields(chat.model_extra or {})) == []
    assert roles(chat) == ["system", "user"]
    assert Counter(names(chat)).most_common(1)[0][1] == 1
    assert chat.stream_options is not None
    assert chat.stream_options.include_usage is True
